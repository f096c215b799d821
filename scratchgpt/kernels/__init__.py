"""Compiled kernels for the operations: loops fused and run on all cores by Numba.

Each kernel computes the same function as the operation of the same name in :mod:`scratchgpt.ops`,
which is plain NumPy and the reference that the kernel is tested against. An operation chooses
between the two in one visible line, ``if use_kernels(...)``:

- NumPy arrays in float32 or float64 go to the kernels. One source serves both; the float64 version
  is compiled when the first float64 array comes.
- complex128 arrays go to the reference: complex-step derivatives are computed with it, and the
  results of the kernels are compared with these derivatives.
- without Numba, with ``SCRATCHGPT_KERNELS=off`` or inside ``with kernels.disabled():`` everything
  goes to the reference.

The order of a kernel's sums does not depend on the number of threads: its work is divided by the
shape of the arrays only, and each piece is summed by one thread.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt

from scratchgpt.backend import KERNEL_DTYPES, kernels_allowed

__all__ = ["disabled"]


@contextmanager
def disabled(*dtypes: npt.DTypeLike) -> Iterator[None]:
    """Use the plain NumPy reference inside a block ``with kernels.disabled():``.

    Parameters
    ----------
    *dtypes : dtype
        Disable the kernels for these dtypes only, as in ``kernels.disabled(np.float64)``; by
        default for all.
    """
    off = {np.dtype(dtype) for dtype in dtypes} if dtypes else KERNEL_DTYPES
    token = kernels_allowed.set(kernels_allowed.get() - off)
    try:
        yield
    finally:
        kernels_allowed.reset(token)
