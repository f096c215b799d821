"""Where the time of a training step goes: each operation, forward and backward."""

import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from scratchgpt.measure.timing import goes_on
from scratchgpt.ops.observe import observing
from scratchgpt.training.step import Stepper

REST = "the rest (Python)"
AFTER_THE_GRADIENTS = {"adamw_step": "AdamW", "global_norm": "gradient norm"}

Key = tuple[str, str]  # name of a part; "forward", "backward" or ""


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
    """Seconds and calls of each part; what one part does inside another counts once, there.

    An observer of operations; see :func:`scratchgpt.ops.observe.observing`.
    """

    def __init__(self) -> None:
        self.seconds: defaultdict[Key, float] = defaultdict(float)
        self.calls: Counter[Key] = Counter()
        self._inside = [0.0]  # of each call under way, the seconds of the parts that it called
        self._began: list[float] = []

    def begin(self, name: str, path: str, inputs: dict[str, Any]) -> None:
        """An operation begins: look at the clock."""
        self._inside.append(0.0)
        self._began.append(time.perf_counter())

    def end(self, name: str, path: str, result: Any) -> None:
        """The operation ends: look at the clock again."""
        elapsed = time.perf_counter() - self._began.pop()
        key = part_of(name)
        self.seconds[key] += elapsed - self._inside.pop()
        self.calls[key] += 1
        self._inside[-1] += elapsed


@contextmanager
def timed_operations() -> Iterator[Clock]:
    """``with timed_operations() as clock:`` has every operation inside the block timed."""
    clock = Clock()
    with observing(clock):
        yield clock


def part_of(name: str) -> Key:
    """The part of a step that an operation belongs to, and its direction."""
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
