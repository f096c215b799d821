"""The loops of the operations, compiled by Numba: fused, on all cores, for float32 arrays.

Nothing here is new mathematics. Each kernel computes what the operation of the same name in
:mod:`scratchgpt.ops` computes in plain NumPy, and is tested against it. An operation decides in
one visible line, ``if use_kernels(...)``, who does the work:

- float32 NumPy arrays go to the kernels: that is what training and generation use.
- float64 and complex128 stay with the reference: those are for proofs, where every digit counts.
- without Numba, with ``SCRATCHGPT_KERNELS=off`` or inside ``with kernels.disabled():`` everything
  goes to the reference.

Whatever the number of threads, a kernel adds in the same order: its work is cut into pieces by the
shape of the arrays alone, and each piece is summed by one thread.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from scratchgpt.backend import kernels_allowed

__all__ = ["disabled"]


@contextmanager
def disabled() -> Iterator[None]:
    """``with kernels.disabled():`` computes by the plain NumPy reference inside the block."""
    token = kernels_allowed.set(False)
    try:
        yield
    finally:
        kernels_allowed.reset(token)
