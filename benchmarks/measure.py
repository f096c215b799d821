"""What every contestant does: repeat its work, then print the median and the peak memory."""

import json
import resource
import statistics
import sys
import time
from collections.abc import Callable


def median_seconds(work: Callable[[], object], *, at_least: float = 2.0, warm_up: int = 3) -> float:
    """The median time of one call, over at least ``at_least`` seconds and five calls."""
    for _ in range(warm_up):
        work()
    times: list[float] = []
    while sum(times) < at_least or len(times) < 5:
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def tell(seconds: float, **more: float) -> None:
    """Print the line that the harness reads."""
    unit = 2**20 if sys.platform == "darwin" else 2**10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    print(json.dumps({"seconds": seconds, "peak_mib": peak, **more}))
