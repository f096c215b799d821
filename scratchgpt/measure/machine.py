"""Peak speed of the machine (matrix products, memory reads), its threads and peak memory."""

import contextlib
import functools
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from scratchgpt.backend import Array, kernels_available, random_stream

PRODUCT_SIZE = 2048  # rows and columns: large enough for any BLAS to reach its peak speed
BUFFER_BYTES = 256_000_000  # to read; four times the last-level cache if that is more
BUFFER_LIMIT = 2_000_000_000


def sgemm_speed(
    n_threads: int | None = None, *, seconds: float = 1.0, size: int = PRODUCT_SIZE
) -> float:
    """Measure the peak speed of a float32 matrix product, in operations per second.

    Multiplications and additions count as one operation each.

    Parameters
    ----------
    n_threads : int, optional
        Number of threads; by default as many as are in use.
    seconds : float
        Duration of the measurement.
    size : int
        Rows and columns of the matrices.
    """
    rng = random_stream(0, "sgemm")
    a, b = rng.standard_normal((2, size, size), dtype=np.float32)
    out = np.empty_like(a)
    with _using_threads(n_threads):
        return 2 * size**3 / best_seconds(lambda: _multiply(a, b, out), seconds)


def read_bandwidth(*, seconds: float = 1.0, n_bytes: int | None = None) -> float:
    """Measure the peak speed at which all threads read memory, in bytes per second.

    Parameters
    ----------
    seconds : float
        Duration of the measurement.
    n_bytes : int, optional
        Size of the buffer that is read repeatedly; by default much larger than the caches.
    """
    if n_bytes is None:
        n_bytes = min(max(BUFFER_BYTES, 4 * _last_cache_bytes()), BUFFER_LIMIT)
    x = np.ones(n_bytes // 4, np.float32)
    return x.nbytes / best_seconds(lambda: _read(x), seconds)


def n_threads_in_use() -> int:
    """Return the number of threads of the kernels, or of BLAS if there are no kernels."""
    if kernels_available():
        from scratchgpt.kernels.compiler.threads import n_threads

        return n_threads()
    import threadpoolctl

    pools = threadpoolctl.threadpool_info()
    return max((p["num_threads"] for p in pools if p["user_api"] == "blas"), default=1)


def threading_layer() -> str:
    """Return Numba's threading layer (omp, tbb or workqueue), known after threads have run."""
    import numba

    _read(np.ones(64, np.float32))
    return numba.threading_layer()


def peak_memory() -> int | None:
    """Return the peak memory of this process in bytes, or None if the system does not report it.

    On Linux, the value is for this program only. There, the value of ``getrusage`` would be at
    least the memory of the parent process when it started this one.
    """
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return 1024 * int(line.split()[1])
    try:
        import resource
    except ImportError:
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@contextlib.contextmanager
def _using_threads(n: int | None) -> Iterator[None]:
    """Use ``n`` threads inside the block."""
    if n is None:
        yield
    elif kernels_available():
        from scratchgpt.kernels.compiler.threads import set_threads

        before = n_threads_in_use()
        set_threads(n)
        try:
            yield
        finally:
            set_threads(before)
    else:
        import threadpoolctl

        with threadpoolctl.threadpool_limits(n, user_api="blas"):
            yield


def best_seconds(work: Callable[[], object], seconds: float) -> float:
    """Return the shortest time of the calls within ``seconds``, without the first call."""
    work()
    times: list[float] = []
    while not times or sum(times) < seconds:
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times)


def _multiply(a: Array, b: Array, out: Array) -> None:
    if kernels_available():
        from scratchgpt.kernels.gemm import matmul

        matmul(a, b, out)
    else:
        np.matmul(a, b, out=out)


def _read(x: Array) -> None:
    """Read a flat float32 array once."""
    if kernels_available():
        sums = np.empty(n_threads_in_use(), np.float32)
        _compiled_sum()(sums.size, x, sums)
    else:
        np.dot(x, x)


@functools.cache
def _compiled_sum() -> Any:
    """Return a compiled sum of an array, one part per thread, limited by memory reads."""
    from scratchgpt.kernels.compiler.parallel import kernel

    @kernel
    def add_up(piece, x, sums):
        n = sums.size
        part = x[x.size * piece // n : x.size * (piece + 1) // n]
        total = np.float32(0)
        for i in range(part.size):
            total += part[i]
        sums[piece] = total

    return add_up


def _last_cache_bytes() -> int:
    """Return the total bytes of all last-level caches, or 0 if Linux does not report them."""
    sizes = {}
    for cpu in Path("/sys/devices/system/cpu").glob("cpu[0-9]*"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            last = sorted((cpu / "cache").glob("index[0-9]*"))[-1]
            size = (last / "size").read_text().strip().removesuffix("K")
            sizes[(last / "shared_cpu_list").read_text()] = 1024 * int(size)
    return sum(sizes.values())
