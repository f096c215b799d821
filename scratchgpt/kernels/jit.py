"""How every kernel is compiled: for all threads, cached on disk, NaN left what it is."""

import importlib
import importlib.util
import os
from typing import Any

import numba
from numba.np import linalg

import scratchgpt.kernels.threads  # noqa: F401 (settles the pool before the first kernel)
from scratchgpt.kernels.cache import cache_folder

if "NUMBA_CACHE_DIR" not in os.environ:
    numba.config.CACHE_DIR = str(cache_folder())


def _put_off_scipy() -> None:
    """Let Numba import SciPy's BLAS when compiled code is the first to need it, not at the start.

    Where SciPy is installed, Numba imports it only to know that it is there, which takes 15 MiB and
    a tenth of a second, and no kernel here calls it.
    """
    if importlib.util.find_spec("scipy") is None:
        return
    look = linalg.ensure_blas
    linalg.ensure_blas = lambda: None
    try:
        importlib.import_module("numba.np.arraymath")  # looks once, and remembers
    finally:
        linalg.ensure_blas = look


_put_off_scipy()

# Sums may be cut into vectors, products fused into them; not-a-number stays what it is.
FAST = {"reassoc", "contract", "arcp", "nsz"}

# Elements in the chunk that a thread takes at a time: enough to be worth its while, and small
# enough for its cache. Chunks depend on sizes alone, so sums do not depend on the threads.
CHUNK = 16_384


def kernel(function: Any) -> Any:
    """Compile a loop whose ``prange`` runs on all threads."""
    return numba.njit(parallel=True, fastmath=FAST, cache=True, error_model="numpy")(function)


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
