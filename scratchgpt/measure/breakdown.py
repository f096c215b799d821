"""Where the time of a training step goes: each operation, forward and backward.

The operations are not told that they are watched. For a while every name by which a module of
scratchgpt calls one of them stands for a function that looks at the clock before and after.
"""

import functools
import importlib
import inspect
import pkgutil
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FunctionType, ModuleType
from typing import Any, NamedTuple

import scratchgpt.ops as ops
from scratchgpt.measure.timing import goes_on
from scratchgpt.optim import AdamW, global_norm
from scratchgpt.training.step import Stepper

REST = "the rest (Python)"

Key = tuple[str, str]  # name of a part; "forward", "backward" or ""
Function = Callable[..., Any]


class Part(NamedTuple):
    """What one part of a step takes, in seconds a step."""

    name: str
    forward: float | None  # None for what has no such direction
    backward: float | None
    seconds: float  # all of it
    share: float  # of the step
    calls: float  # a step


class Breakdown(NamedTuple):
    """A training step in parts, the longest first and what is between them last."""

    seconds: float  # a step, with the clock running
    n_steps: int
    parts: tuple[Part, ...]


def break_down(stepper: Stepper, *, seconds: float, most: int | None = None) -> Breakdown:
    """Run steps and see what they spend their time on.

    Parameters
    ----------
    stepper : Stepper
    seconds, most
        See :func:`repeat`; the mean of all steps counts.
    """
    stepper.update(0)
    times: list[float] = []
    with timed_operations() as clock:
        while goes_on(times, seconds=seconds, most=most):
            began = time.perf_counter()
            stepper.update(0)
            times.append(time.perf_counter() - began)
    return _summary(clock, sum(times), len(times))


class Clock:
    """Seconds and calls of each part; what one part does inside another counts once, there."""

    def __init__(self) -> None:
        self.seconds: defaultdict[Key, float] = defaultdict(float)
        self.calls: Counter[Key] = Counter()
        self._inside = [0.0]  # of each call under way, the seconds of the parts that it called

    def timed(self, key: Key, function: Function) -> Function:
        """The same function, with the clock looked at before and after."""

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            self._inside.append(0.0)
            began = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                elapsed = time.perf_counter() - began
                self.seconds[key] += elapsed - self._inside.pop()
                self.calls[key] += 1
                self._inside[-1] += elapsed

        return wrapper


@contextmanager
def timed_operations() -> Iterator[Clock]:
    """``with timed_operations() as clock:`` has every operation inside the block timed."""
    clock = Clock()
    wrappers = {function: clock.timed(key, function) for function, key in _watched().items()}
    with _replaced(wrappers):
        yield clock


def _watched() -> dict[Function, Key]:
    """Every X_forward and X_backward of :mod:`scratchgpt.ops`, and what follows the gradients."""
    watched: dict[Function, Key] = {
        global_norm: ("gradient norm", ""),
        AdamW.step: ("AdamW", ""),
    }
    for found in pkgutil.walk_packages(ops.__path__, f"{ops.__name__}."):
        module = importlib.import_module(found.name)
        for name, function in vars(module).items():
            operation, _, direction = name.rpartition("_")
            is_its_own = inspect.isfunction(function) and function.__module__ == found.name
            if is_its_own and direction in ("forward", "backward") and not name.startswith("_"):
                watched[function] = operation, direction
    return watched


@contextmanager
def _replaced(replacements: dict[Function, Function]) -> Iterator[None]:
    """Put other functions in the place of some, wherever modules of scratchgpt hold them.

    That is in the names of modules, the methods of classes, and dictionaries of either, also
    inside tuples and partial functions there.
    """
    undo: list[tuple[Function, Any, Any, Any]] = []

    def put(store: Function, holder: Any, name: Any, old: Any, new: Any) -> None:
        undo.append((store, holder, name, old))
        store(holder, name, new)

    def replace_in(holder: ModuleType | type) -> None:
        for name, value in list(vars(holder).items()):
            if name.startswith("__"):
                continue
            if isinstance(value, dict):
                for key, old in list(value.items()):
                    if (new := _with(old, replacements)) is not old:
                        put(dict.__setitem__, value, key, old, new)
            elif (new := _with(value, replacements)) is not value:
                put(setattr, holder, name, value, new)

    try:
        for name, module in list(sys.modules.items()):
            if name.split(".")[0] == "scratchgpt" and isinstance(module, ModuleType):
                replace_in(module)
                for thing in list(vars(module).values()):
                    if inspect.isclass(thing) and thing.__module__ == name:
                        replace_in(thing)
        yield
    finally:
        for store, holder, name, old in reversed(undo):
            store(holder, name, old)


def _with(value: Any, replacements: dict[Function, Function]) -> Any:
    """The value with functions replaced; itself where there is nothing to replace."""
    if isinstance(value, FunctionType):
        return replacements.get(value, value)
    if isinstance(value, functools.partial):
        function = _with(value.func, replacements)
        if function is not value.func:
            return functools.partial(function, *value.args, **value.keywords)
    if type(value) is tuple:
        new = tuple(_with(one, replacements) for one in value)
        if any(a is not b for a, b in zip(new, value, strict=True)):
            return new
    return value


def _summary(clock: Clock, seconds: float, n_steps: int) -> Breakdown:
    parts = []
    for name in dict.fromkeys(name for name, _ in clock.seconds):
        total = sum(clock.seconds[name, direction] for direction in ("forward", "backward", ""))
        n_calls = sum(clock.calls[name, direction] for direction in ("forward", "backward", ""))
        forward, backward = (
            clock.seconds[name, direction] / n_steps if (name, direction) in clock.calls else None
            for direction in ("forward", "backward")
        )
        parts.append(
            Part(name, forward, backward, total / n_steps, total / seconds, n_calls / n_steps)
        )
    parts.sort(key=lambda part: -part.seconds)
    rest = seconds - sum(clock.seconds.values())
    parts.append(Part(REST, None, None, rest / n_steps, rest / seconds, 0))
    return Breakdown(seconds / n_steps, n_steps, tuple(parts))
