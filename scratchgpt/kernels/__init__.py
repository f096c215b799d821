"""The loops of the operations, compiled by Numba: fused, on all cores.

Nothing here is new mathematics. Each kernel computes what the operation of the same name in
:mod:`scratchgpt.ops` computes in plain NumPy, and is tested against it. An operation decides in
one visible line, ``if use_kernels(...)``, who does the work:

- NumPy arrays in float32 or float64 go to the kernels. One source serves both; what it takes for
  float64 is compiled when the first float64 array comes.
- complex128 stays with the reference: derivatives by complex step are taken from there, and what
  the kernels compute is compared with them.
- without Numba, with ``SCRATCHGPT_KERNELS=off`` or inside ``with kernels.disabled():`` everything
  goes to the reference.

Whatever the number of threads, a kernel adds in the same order: its work is cut into pieces by the
shape of the arrays alone, and each piece is summed by one thread.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt

from scratchgpt.backend import KERNEL_DTYPES, kernels_allowed

__all__ = ["disabled"]


@contextmanager
def disabled(*dtypes: npt.DTypeLike) -> Iterator[None]:
    """``with kernels.disabled():`` computes by the plain NumPy reference inside the block.

    Parameters
    ----------
    *dtypes : dtype
        The arrays that this is for, as in ``kernels.disabled(np.float64)``; by default all.
    """
    off = {np.dtype(dtype) for dtype in dtypes} if dtypes else KERNEL_DTYPES
    token = kernels_allowed.set(kernels_allowed.get() - off)
    try:
        yield
    finally:
        kernels_allowed.reset(token)
