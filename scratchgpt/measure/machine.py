"""What the machine can do at best: matrix products, reading from memory; and who computes."""

import contextlib
import functools
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from scratchgpt.backend import Array, kernels_available, random_stream

PRODUCT_SIZE = 2048  # rows and columns: large enough for any BLAS to be at its best
BUFFER_BYTES = 256_000_000  # to read, and four times the last cache where that is more
BUFFER_LIMIT = 2_000_000_000


def sgemm_speed(
    n_threads: int | None = None, *, seconds: float = 1.0, size: int = PRODUCT_SIZE
) -> float:
    """The best speed of a float32 matrix product, in multiplications and additions a second.

    Parameters
    ----------
    n_threads : int, optional
        By default as many as are in use.
    seconds : float
        Go on for so long.
    size : int
        Rows and columns of the matrices.
    """
    rng = random_stream(0, "sgemm")
    a, b = rng.standard_normal((2, size, size), dtype=np.float32)
    out = np.empty_like(a)
    with _using_threads(n_threads):
        return 2 * size**3 / _best_seconds(lambda: _multiply(a, b, out), seconds)


def read_bandwidth(*, seconds: float = 1.0, n_bytes: int | None = None) -> float:
    """The best speed at which all threads read memory, in bytes a second.

    Parameters
    ----------
    seconds : float
        Go on for so long.
    n_bytes : int, optional
        Size of what is read again and again; by default well above the size of the caches.
    """
    if n_bytes is None:
        n_bytes = min(max(BUFFER_BYTES, 4 * _last_cache_bytes()), BUFFER_LIMIT)
    x = np.ones(n_bytes // 4, np.float32)
    return x.nbytes / _best_seconds(lambda: _read(x), seconds)


def n_threads_in_use() -> int:
    """How many threads compute: those of the kernels, or without kernels those of BLAS."""
    if kernels_available():
        import numba

        import scratchgpt.kernels.compiler.threads  # noqa: F401 (settles the number)

        return numba.get_num_threads()
    import threadpoolctl

    pools = threadpoolctl.threadpool_info()
    return max((p["num_threads"] for p in pools if p["user_api"] == "blas"), default=1)


def threading_layer() -> str:
    """What Numba runs threads by, known after it has done so: omp, tbb or workqueue."""
    import numba

    _read(np.ones(64, np.float32))
    return numba.threading_layer()


def peak_memory() -> int | None:
    """The most bytes of memory that this process has held; None where the system does not tell.

    Linux is asked for the peak of this program alone. What ``getrusage`` says there is never less
    than what the process that started this one had held at that time.
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
    """Compute on ``n`` threads inside the block."""
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


def _best_seconds(work: Callable[[], object], seconds: float) -> float:
    """The shortest of the calls that fit into some seconds, the first left out."""
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
    """Sums of an array, a part for each thread, which reads one stream and does little else."""
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
    """Bytes of all last-level caches together, as far as Linux tells; else 0."""
    sizes = {}
    for cpu in Path("/sys/devices/system/cpu").glob("cpu[0-9]*"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            last = sorted((cpu / "cache").glob("index[0-9]*"))[-1]
            size = (last / "size").read_text().strip().removesuffix("K")
            sizes[(last / "shared_cpu_list").read_text()] = 1024 * int(size)
    return sum(sizes.values())
