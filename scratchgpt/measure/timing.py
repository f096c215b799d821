"""Timing of repeated calls."""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

FEWEST = 3  # minimum number of repetitions, even if one takes longer than the given time


class Times(NamedTuple):
    """Summary of repeated times in seconds; nine in ten are between ``low`` and ``high``."""

    median: float
    low: float
    high: float
    n: int

    @classmethod
    def of(cls, times: Sequence[float]) -> "Times":
        low, median, high = np.percentile(times, (5, 50, 95)).tolist()
        return cls(median, low, high, len(times))


def repeat(
    work: Callable[[], object], *, seconds: float, most: int | None = None, warm_up: int = 1
) -> Times:
    """Time repeated calls of ``work``, each separately.

    Parameters
    ----------
    work : callable
    seconds : float
        Repeat until the total time is at least this, and there were at least three calls.
    most : int, optional
        Maximum number of calls.
    warm_up : int
        Calls before the measurement that are not timed.
    """
    for _ in range(warm_up):
        work()
    times: list[float] = []
    while should_repeat(times, seconds=seconds, most=most):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return Times.of(times)


def should_repeat(times: Sequence[float], *, seconds: float, most: int | None) -> bool:
    """Whether to repeat once more after these times; see :func:`repeat`."""
    if most is not None and len(times) >= most:
        return False
    return len(times) < FEWEST or sum(times) < seconds
