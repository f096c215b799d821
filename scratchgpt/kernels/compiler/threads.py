"""One pool of threads: Numba's. BLAS works inside it, on one thread a call.

OpenBLAS and Numba each keep a pool whose idle threads spin for a while before they sleep. Where
the two take turns hundreds of times a training step they spin against each other, and a step of a
small model takes ten times as long; beside another busy process it is worse. So BLAS gets one
thread, and a matrix product is cut into pieces which the threads of Numba compute side by side.
"""

import os

from scratchgpt.errors import UserError


def _choose() -> int:
    """How many threads: ``SCRATCHGPT_THREADS``, or as many as this process may use cores."""
    setting = os.environ.get("SCRATCHGPT_THREADS")
    if setting is None:
        if hasattr(os, "sched_getaffinity"):
            return len(os.sched_getaffinity(0))
        return os.cpu_count() or 1
    if not setting.isdigit() or int(setting) < 1:
        raise UserError(f"SCRATCHGPT_THREADS={setting!r} must be a whole number of at least 1")
    return int(setting)


# Read by the OpenMP runtime when its first thread starts. A thread without work spins for some
# microseconds, long enough to be there for the next kernel, then sleeps and leaves its core to
# whoever needs it.
os.environ.setdefault("GOMP_SPINCOUNT", "2000")
os.environ.setdefault("KMP_BLOCKTIME", "0")

import numba  # noqa: E402 (after the settings that it reads)
import threadpoolctl  # noqa: E402

threadpoolctl.threadpool_limits(1, user_api="blas")


def set_threads(n: int) -> None:
    """Compute on n threads from now on, or on as many as there are if those are fewer."""
    numba.set_num_threads(min(n, numba.config.NUMBA_NUM_THREADS))


set_threads(_choose())
