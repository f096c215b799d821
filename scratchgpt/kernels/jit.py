"""How all pieces of the kernels are compiled: cached on disk, NaN left what it is."""

import os
from typing import Any

import numba

import scratchgpt.kernels.no_blas
import scratchgpt.kernels.threads  # noqa: F401 (settles the pool before the first kernel)
from scratchgpt.kernels.cache import cache_folder

if "NUMBA_CACHE_DIR" not in os.environ:
    numba.config.CACHE_DIR = str(cache_folder())

# Sums may be cut into vectors, products fused into them; not-a-number stays what it is.
FAST = {"reassoc", "contract", "arcp", "nsz"}

# Elements in the chunk that a thread takes at a time: enough to be worth its while, and small
# enough for its cache. Chunks depend on sizes alone, so sums do not depend on the threads.
CHUNK = 16_384


def serial(function: Any) -> Any:
    """Compile a loop whose steps follow one from the other: it runs on one thread."""
    return numba.njit(fastmath=FAST, cache=True, error_model="numpy")(function)


def part(function: Any) -> Any:
    """Compile a piece that kernels call, once for all places that call it, and not for Python."""
    return numba.njit(
        fastmath=FAST,
        cache=True,
        error_model="numpy",
        no_cpython_wrapper=True,
        no_cfunc_wrapper=True,
    )(function)


def inner(function: Any) -> Any:
    """Compile a piece that becomes part of the loop it is called in."""
    return numba.njit(inline="always", fastmath=FAST, cache=True, error_model="numpy")(function)
