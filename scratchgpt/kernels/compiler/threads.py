"""The threads of the kernels: how many, and how long they spin when they have no work.

See :func:`scratchgpt.one_pool` for what happens to the threads of BLAS.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import numba

from scratchgpt.errors import UserError

# A thread without work spins for some microseconds, long enough to be there for the next kernel,
# then sleeps and leaves its core to whoever needs it. The OpenMP runtimes of GCC and of LLVM read
# these variables when they are loaded, and never again.
SPINNING = {"GOMP_SPINCOUNT": "2000", "KMP_BLOCKTIME": "0"}


def _choose() -> int:
    """How many threads: ``SCRATCHGPT_THREADS``, or one for each core this process may use."""
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
    """Set those environment variables that are not set, and unset them again."""
    added = {name: value for name, value in variables.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]


def set_threads(n: int) -> None:
    """Compute on n threads from now on, or on as many as there are if those are fewer."""
    numba.set_num_threads(min(n, numba.config.NUMBA_NUM_THREADS))


with _defaults(SPINNING):
    set_threads(_choose())  # Numba loads the OpenMP runtime at this first call
