"""How all pieces of the kernels are compiled: cached on disk, NaN left what it is."""

import os
from typing import Any

import numba

import scratchgpt.kernels.compiler.no_blas
import scratchgpt.kernels.compiler.threads  # noqa: F401 (settles the pool before the first kernel)
from scratchgpt.kernels.compiler.cache import cache_folder, saved_one_at_a_time

if "NUMBA_CACHE_DIR" not in os.environ:
    numba.config.CACHE_DIR = str(cache_folder())

# Sums may be cut into vectors, products fused into them; not-a-number stays what it is.
FAST = {"reassoc", "contract", "arcp", "nsz"}

# Elements in the chunk that a thread takes at a time: enough to be worth its while, and small
# enough for its cache. Chunks depend on sizes alone, so sums do not depend on the threads.
CHUNK = 16_384


def cached(function: Any, **options: Any) -> Any:
    """``numba.njit``, with the result kept on disk."""
    return saved_one_at_a_time(numba.njit(cache=True, **options)(function))


def serial(function: Any) -> Any:
    """Compile a loop whose steps follow one from the other: it runs on one thread."""
    return cached(function, fastmath=FAST, error_model="numpy")


def part(function: Any) -> Any:
    """Compile a piece that kernels call, once for all places that call it, and not for Python."""
    return cached(
        function,
        fastmath=FAST,
        error_model="numpy",
        no_cpython_wrapper=True,
        no_cfunc_wrapper=True,
    )


def inner(function: Any) -> Any:
    """Compile a piece that becomes part of the loop it is called in."""
    return cached(function, inline="always", fastmath=FAST, error_model="numpy")
