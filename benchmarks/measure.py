"""Helpers of the contestants: repeat work, then print median times and peak memory."""

import json
import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence

from scratchgpt.measure import peak_memory


def median_laps(
    work: Callable[[], Sequence[float]], *, at_least: float = 2.0, warm_up: int = 3
) -> list[float]:
    """Return the median of each time that ``work`` returns, the seconds of its parts.

    ``work`` is called ``warm_up`` times as a warm-up, then until the total time is ``at_least``
    seconds, and at least five times.
    """
    for _ in range(warm_up):
        work()
    laps: list[Sequence[float]] = []
    total = 0.0
    while total < at_least or len(laps) < 5:
        laps.append(work())
        total += sum(laps[-1])
    return [statistics.median(lap) for lap in zip(*laps, strict=True)]


def median_seconds(work: Callable[[], object], *, at_least: float = 2.0, warm_up: int = 3) -> float:
    """Return the median time of one call; see :func:`median_laps`."""
    return median_laps(lambda: [seconds_of(work)], at_least=at_least, warm_up=warm_up)[0]


def seconds_of(work: Callable[[], object]) -> float:
    """Return the time of one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def peak_mib() -> float:
    """Return the peak memory of this process."""
    return peak_memory() / 2**20


def children_peak_mib() -> float:
    """Return the highest peak memory of the child processes that have ended."""
    unit = 1 if sys.platform == "darwin" else 2**10
    return unit * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20


def print_result(seconds: float, *, peak: float | None = None, **more: object) -> None:
    """Print the JSON line that the harness reads; ``peak`` defaults to that of this process."""
    peak = peak_mib() if peak is None else peak
    print(json.dumps({"seconds": seconds, "peak_mib": peak, **more}))
