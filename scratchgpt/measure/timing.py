"""Repeating a piece of work, and what its times were."""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

FEWEST = 3  # repetitions, also where one takes longer than all may


class Times(NamedTuple):
    """Times of one piece of work in seconds; nine in ten are within ``low`` and ``high``."""

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
    """Time calls of ``work`` one by one.

    Parameters
    ----------
    work : callable
    seconds : float
        Go on until the calls took so long together, and there are three of them.
    most : int, optional
        The most calls, however short.
    warm_up : int
        Calls before the first that counts.
    """
    for _ in range(warm_up):
        work()
    times: list[float] = []
    while goes_on(times, seconds=seconds, most=most):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return Times.of(times)


def goes_on(times: Sequence[float], *, seconds: float, most: int | None) -> bool:
    """Whether to repeat once more after these times; see :func:`repeat`."""
    if most is not None and len(times) >= most:
        return False
    return len(times) < FEWEST or sum(times) < seconds
