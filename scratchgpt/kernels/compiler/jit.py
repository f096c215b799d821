"""Decorators that compile the functions of the kernels, with a cache on disk and NaN preserved."""

from typing import Any

import numba

import scratchgpt.kernels.compiler.events
import scratchgpt.kernels.compiler.no_blas
import scratchgpt.kernels.compiler.threads  # noqa: F401 (sets up the threads before the first kernel)
from scratchgpt.kernels.compiler.cache import KernelCache

# Sums may be reordered into vectors, and products fused into sums; NaN is preserved.
FAST = {"reassoc", "contract", "arcp", "nsz"}

# Elements per chunk of a thread: large enough to pay off, and small enough for its cache. Chunks
# depend only on sizes, so sums do not depend on the number of threads.
CHUNK = 16_384


def cached(function: Any, **options: Any) -> Any:
    """Compile with ``numba.njit``, and cache the result on disk."""
    compiled = numba.njit(**options)(function)
    compiled._cache = KernelCache(function)
    return compiled


def serial(function: Any) -> Any:
    """Compile a loop whose steps depend on each other, so that it runs on one thread."""
    return cached(function, fastmath=FAST, error_model="numpy")


def part(function: Any) -> Any:
    """Compile a function that kernels call, once for all callers and without a Python wrapper."""
    return cached(
        function,
        fastmath=FAST,
        error_model="numpy",
        no_cpython_wrapper=True,
        no_cfunc_wrapper=True,
    )


def inner(function: Any) -> Any:
    """Compile a function that is inlined into the loop that calls it."""
    return cached(function, inline="always", fastmath=FAST, error_model="numpy")
