"""The threads of the kernels: their number, and how long they spin without work.

For the threads of BLAS see :func:`scratchgpt.one_pool`.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import numba

from scratchgpt.errors import UserError

# A thread without work spins for some microseconds, long enough to be ready for the next kernel.
# Then it sleeps and frees its core for others. The OpenMP runtimes of GCC and of LLVM read these
# variables once, when they are loaded.
SPINNING = {"GOMP_SPINCOUNT": "2000", "KMP_BLOCKTIME": "0"}


def _choose() -> int:
    """Return the number of threads: ``SCRATCHGPT_THREADS``, or the cores of this process."""
    setting = os.environ.get("SCRATCHGPT_THREADS")
    if setting is None:
        if hasattr(os, "sched_getaffinity"):
            return len(os.sched_getaffinity(0))
        return os.cpu_count() or 1
    if not setting.isdigit() or int(setting) < 1:
        raise UserError(f"SCRATCHGPT_THREADS={setting!r} must be a whole number of at least 1")
    return int(setting)


@contextmanager
def _defaults(variables: dict[str, str]) -> Iterator[None]:
    """Set environment variables that are not set, and unset them after the block."""
    added = {name: value for name, value in variables.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]


def set_threads(n: int) -> None:
    """Use n threads from now on, or all threads if there are fewer."""
    numba.set_num_threads(min(n, numba.config.NUMBA_NUM_THREADS))


with _defaults(SPINNING):
    set_threads(_choose())  # Numba loads the OpenMP runtime at this first call
