"""Peak speed of a GPU: matrix products and reads of its memory, and waiting for its results."""

from typing import Any

import numpy as np

from scratchgpt.measure.machine import best_seconds

PRODUCT_SIZE = 8192  # rows and columns: large enough for cuBLAS to reach its peak speed
BUFFER_BYTES = 2_000_000_000  # to read; much larger than any cache of a GPU


def synchronize(library: Any) -> None:
    """Wait until the device has computed everything."""
    library.cuda.Device().synchronize()


def gpu_sgemm_speed(library: Any, *, seconds: float) -> float:
    """Measure the peak speed of a float32 matrix product on a GPU, in operations per second."""
    n = PRODUCT_SIZE
    a, b, out = (library.ones((n, n), np.float32) for _ in range(3))

    def multiply() -> None:
        np.matmul(a, b, out=out)
        synchronize(library)

    return 2 * n**3 / best_seconds(multiply, seconds)


def gpu_read_bandwidth(library: Any, *, seconds: float) -> float:
    """Measure the peak speed at which a GPU reads its memory, in bytes per second."""
    x = library.ones(BUFFER_BYTES // 4, np.float32)

    def read() -> None:
        x.max()
        synchronize(library)

    return x.nbytes / best_seconds(read, seconds)


def gpu_peak_memory(library: Any) -> int | None:
    """Return the bytes that CuPy has taken from the GPU so far; None if it does not say."""
    pool = getattr(library, "get_default_memory_pool", None)
    return None if pool is None else int(pool().total_bytes())
