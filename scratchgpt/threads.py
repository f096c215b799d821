"""A single pool of threads: BLAS uses one thread while the kernels use all of them.

OpenBLAS and Numba have separate thread pools, whose idle threads spin for a while before they
sleep. If both alternate hundreds of times in a training step, their threads compete for the CPU,
and a step of a small model takes ten times as long; with another busy process, it is worse. So a
loop that calls kernels limits BLAS to one thread. The kernels split a matrix product into parts
for Numba's threads.
"""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from scratchgpt.backend import KERNEL_DTYPES, kernels_available

_lock = threading.Lock()
_n_inside = 0  # number of active blocks, in all Python threads
_found: tuple[int, list[Any]] = (0, [])  # number of imported modules, and each BLAS found then
_shared: list[tuple[Any, int]] = []  # libraries that were limited, with their former threads


def n_cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def one_pool() -> Iterator[None]:
    """Limit BLAS to one thread inside the block: ``with scratchgpt.one_pool():``.

    :meth:`Trainer.train <scratchgpt.training.Trainer.train>`, generation, translation,
    :func:`scratchgpt.verify.check_vjp` and the benchmarks already use it. Use it around your own
    loops that call operations or models.

    Blocks may be nested, and several Python threads may be inside a block at the same time. When
    the last block ends, also after an exception, the number of threads of each library is restored.
    A block limits the libraries that are loaded when it begins.

    Without compiled kernels (no Numba, ``SCRATCHGPT_KERNELS=off``, or inside
    :func:`scratchgpt.kernels.disabled`), only BLAS has a thread pool, and the block has no effect.

    Examples
    --------
    >>> import numpy as np
    >>> import scratchgpt
    >>> from scratchgpt.ops import linear_forward
    >>> x, weight = np.ones((2, 3), np.float32), np.ones((3, 4), np.float32)
    >>> with scratchgpt.one_pool():
    ...     for _ in range(3):
    ...         y, saved = linear_forward(x, weight)
    """
    if not any(kernels_available(dtype) for dtype in KERNEL_DTYPES):
        yield
        return
    own = _enter()
    try:
        yield
    finally:
        _leave(own)


def _enter() -> list[tuple[Any, int]]:
    """Limit every BLAS; return those with a separate number of threads per Python thread."""
    global _n_inside
    own: list[tuple[Any, int]] = []
    with _lock:
        _n_inside += 1
        for library in _loaded():
            before = library.get_num_threads() or 1  # some libraries do not report it
            if before > 1:
                _set_threads(library, 1)
                by_openmp = getattr(library, "threading_layer", "") == "openmp"
                (own if by_openmp else _shared).append((library, before))
    return own


def _loaded() -> list[Any]:
    """Return every BLAS; a search takes half a millisecond, so search only after an import."""
    global _found
    if _found[0] != len(sys.modules):
        import threadpoolctl

        libraries = threadpoolctl.ThreadpoolController().lib_controllers
        _found = len(sys.modules), [one for one in libraries if one.user_api == "blas"]
    return _found[1]


def _leave(own: list[tuple[Any, int]]) -> None:
    global _n_inside
    with _lock:
        _n_inside -= 1
        for library, before in reversed(own):
            _set_threads(library, before)
        while _shared and _n_inside == 0:
            _set_threads(*_shared.pop())


def _set_threads(library: Any, n: int) -> None:
    library.set_num_threads(n)
    # threadpoolctl 3.8 lets one Python thread set the threads of OpenBLAS until that thread
    # releases it. The block that ends last may be in another thread.
    if hasattr(library, "clear_controlling_thread"):
        library.clear_controlling_thread()
