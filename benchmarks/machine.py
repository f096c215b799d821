"""What the machine can do at most: what a program reaches is told as a share of it."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from measure import seconds_of

SIDE = 2048  # of the matrices that are multiplied
BUFFER = 512 * 2**20  # bytes that are read, many times what any cache holds


def cores() -> int:
    """How many this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def sgemm_peak() -> float:
    """Operations a second in a product of large float32 matrices on all cores.

    The better of our own product and of NumPy's, whose BLAS gets all threads for it.
    """
    import threadpoolctl

    from scratchgpt.kernels.gemm import matmul

    a, b = np.random.default_rng(0).standard_normal((2, SIDE, SIDE), dtype=np.float32)
    out = np.empty_like(a)
    ours = min(seconds_of(lambda: matmul(a, b, out)) for _ in range(8))
    with threadpoolctl.threadpool_limits(cores(), user_api="blas"):
        theirs = min(seconds_of(lambda: np.matmul(a, b, out=out)) for _ in range(8))
    return 2 * SIDE**3 / min(ours, theirs)


def memory_bandwidth() -> float:
    """Bytes a second that all cores together read from memory."""
    parts = np.array_split(np.ones(BUFFER // 8, np.int64), cores())
    with ThreadPoolExecutor(cores()) as pool:
        return BUFFER / min(seconds_of(lambda: list(pool.map(np.sum, parts))) for _ in range(8))
