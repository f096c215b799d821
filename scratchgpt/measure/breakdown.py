"""Breakdown of the time of a training step into operations, forward and backward."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from scratchgpt.measure.timing import should_repeat
from scratchgpt.ops.observe import observing
from scratchgpt.training.step import Stepper

REST = "other (Python)"
AFTER_THE_GRADIENTS = {
    "adamw_step": "AdamW",
    "muon_step": "Muon",
    "global_norm": "gradient norm",
}

Key = tuple[str, str]  # name of a part; "forward", "backward" or ""


class Part(NamedTuple):
    """The time of one part of a training step, in seconds per step."""

    name: str
    forward: float | None  # None for a part without this direction
    backward: float | None
    seconds: float  # in total
    share: float  # fraction of the step
    calls: float  # per step


class Breakdown(NamedTuple):
    """The parts of a training step, longest first; the remaining time comes last."""

    seconds: float  # per step, including the time to measure
    n_steps: int
    parts: tuple[Part, ...]


def break_down(
    stepper: Stepper,
    *,
    seconds: float,
    most: int | None = None,
    wait: Callable[[], None] = lambda: None,
) -> Breakdown:
    """Run training steps and measure the time of each operation.

    Parameters
    ----------
    stepper : Stepper
    seconds, most
        See :func:`repeat`; the result is the mean over all steps.
    wait : callable
        Waits until a GPU has computed what it was given, before and after each operation.
    """
    stepper.update(0)
    times: list[float] = []
    with timed_operations(wait) as clock:
        while should_repeat(times, seconds=seconds, most=most):
            began = time.perf_counter()
            stepper.update(0)
            times.append(time.perf_counter() - began)
    return _summary(clock, sum(times), len(times))


class Clock:
    """Observer of operations that counts seconds and calls of each part.

    The time of an operation that runs inside another counts only for the inner one. See
    :func:`scratchgpt.ops.observe.observing`.
    """

    def __init__(self, wait: Callable[[], None] = lambda: None) -> None:
        self.wait = wait
        self.seconds: defaultdict[Key, float] = defaultdict(float)
        self.calls: Counter[Key] = Counter()
        self._inside = [0.0]  # for each running call, the seconds of the parts that it called
        self._began: list[float] = []

    def begin(self, name: str, path: str, inputs: dict[str, Any]) -> None:
        """Start the clock of an operation that begins."""
        self.wait()
        self._inside.append(0.0)
        self._began.append(time.perf_counter())

    def end(self, name: str, path: str, result: Any) -> None:
        """Stop the clock of the operation that ends."""
        self.wait()
        elapsed = time.perf_counter() - self._began.pop()
        key = part_of(name)
        self.seconds[key] += elapsed - self._inside.pop()
        self.calls[key] += 1
        self._inside[-1] += elapsed


@contextmanager
def timed_operations(wait: Callable[[], None] = lambda: None) -> Iterator[Clock]:
    """Time every operation inside a block ``with timed_operations() as clock:``."""
    clock = Clock(wait)
    with observing(clock):
        yield clock


def part_of(name: str) -> Key:
    """Return the part of a step that an operation belongs to, and its direction."""
    if name in AFTER_THE_GRADIENTS:
        return AFTER_THE_GRADIENTS[name], ""
    operation, _, direction = name.rpartition("_")
    return operation, direction


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
