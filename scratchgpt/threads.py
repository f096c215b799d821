"""One pool of threads: BLAS works on one thread while the kernels work on all of them.

OpenBLAS and Numba each keep a pool whose idle threads spin for a while before they sleep. If the
two alternate hundreds of times in a training step, they spin against each other, and a step of a
small model takes ten times as long; beside another busy process it is worse. So a loop that calls
kernels gives BLAS one thread. The kernels cut a matrix product into pieces for Numba's threads.
"""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from scratchgpt.backend import KERNEL_DTYPES, kernels_available

_lock = threading.Lock()
_n_inside = 0  # blocks that are open now, in all Python threads
_found: tuple[int, list[Any]] = (0, [])  # how many modules Python had imported, and each BLAS then
_shared: list[tuple[Any, int]] = []  # libraries that were limited, and their threads before


@contextmanager
def one_pool() -> Iterator[None]:
    """Hold BLAS at one thread inside the block: ``with scratchgpt.one_pool():``.

    :meth:`Trainer.train <scratchgpt.training.Trainer.train>`, generation, translation,
    :func:`scratchgpt.verify.check_vjp` and the benchmarks do so themselves. Put it around a loop
    of your own that calls operations or models.

    Blocks may be nested, and several Python threads may be inside one at the same time. When the
    last block ends, each library has as many threads as before the first, also after an exception.
    A block limits the libraries that are loaded when it begins.

    Without compiled kernels (no Numba, ``SCRATCHGPT_KERNELS=off``, or inside
    :func:`scratchgpt.kernels.disabled`) BLAS has the only pool of threads, and the block changes
    nothing.

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
    """Limit every BLAS; returns those that count the threads of each Python thread by itself."""
    global _n_inside
    own: list[tuple[Any, int]] = []
    with _lock:
        _n_inside += 1
        for library in _loaded():
            before = library.get_num_threads() or 1  # some libraries do not tell
            if before > 1:
                _set_threads(library, 1)
                by_openmp = getattr(library, "threading_layer", "") == "openmp"
                (own if by_openmp else _shared).append((library, before))
    return own


def _loaded() -> list[Any]:
    """Every BLAS; a search takes half a millisecond, so only after an import there is another."""
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
    # threadpoolctl 3.8 lets one Python thread set the threads of OpenBLAS, until that thread says
    # that it is done. The block that ends last may be in another one.
    if hasattr(library, "clear_controlling_thread"):
        library.clear_controlling_thread()
