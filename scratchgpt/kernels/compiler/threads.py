"""The threads of the kernels: their number, and how long they spin without work.

For the threads of BLAS see :func:`scratchgpt.one_pool`.
"""

import ctypes
import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import llvmlite.binding
import numba

from scratchgpt.errors import UserError
from scratchgpt.threads import n_cores

# The number of threads, which compiled code reads by this name. Numba's own number applies to one
# Python thread, and in all others it would be the number of cores.
SYMBOL = "scratchgpt_n_threads"
_number = ctypes.c_int32(1)
llvmlite.binding.add_symbol(SYMBOL, ctypes.addressof(_number))

# A thread without work spins for some microseconds, long enough to be ready for the next kernel.
# Then it sleeps and frees its core for others. The OpenMP runtimes of GCC and of LLVM read these
# variables once, when they are loaded.
SPINNING = {"GOMP_SPINCOUNT": "2000", "KMP_BLOCKTIME": "0"}


def _choose() -> int:
    """Return the number of threads: ``SCRATCHGPT_THREADS``, or the cores of this process."""
    setting = os.environ.get("SCRATCHGPT_THREADS")
    if setting is None:
        return n_cores()
    if not (setting.isascii() and setting.isdigit()) or int(setting) < 1:
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
    """Use n threads from now on, in all Python threads.

    If Numba has fewer threads (one per core, or ``NUMBA_NUM_THREADS``), warn and use all of them.
    """
    most = numba.config.NUMBA_NUM_THREADS
    if n > most:
        warnings.warn(
            f"{n} threads were requested, but this process has {most}, which are used; to have "
            f"more threads than cores, set NUMBA_NUM_THREADS={n}",
            stacklevel=2,
        )
    _number.value = min(n, most)


def n_threads() -> int:
    """Return the number of threads that the kernels use."""
    return _number.value


def _after_fork() -> None:
    """Compute on one thread in a forked process: the threads of its parent do not exist there."""
    global one_loop_at_a_time
    _number.value = 1
    if one_loop_at_a_time is not None:
        one_loop_at_a_time = threading.Lock()


with _defaults(SPINNING):
    numba.get_num_threads()  # Numba loads the OpenMP runtime at this first call
set_threads(_choose())

# Without OpenMP and TBB, Numba has only one set of threads, and aborts the process if two Python
# threads use it at once.
one_loop_at_a_time = threading.Lock() if numba.threading_layer() == "workqueue" else None

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
