"""While a kernel is compiled, which takes seconds: say so, and delay Ctrl-C for a moment.

An interrupt that arrives while LLVM calls back into Python would be printed and then ignored. So
Ctrl-C raises KeyboardInterrupt only between two passes of the compiler.
"""

import functools
import logging
import signal
import threading
from typing import Any

from numba.core import event

COMPILE, PASS = "numba:compile", "numba:run_pass"
KERNELS = __name__.rpartition(".compiler.")[0] + "."


@functools.cache
def say_compiling() -> None:
    """Say that kernels are being compiled; only the first call in a process says it.

    The line goes to the logger ``scratchgpt``, which prints it to standard error unless the program
    has configured logging.
    """
    logging.getLogger("scratchgpt").warning("compiling kernels (first run only) ...")


class Compilation(event.Listener):
    """Hears of each function that Numba compiles, but not of those that it loads from its cache.

    Numba compiles one function at a time, and the functions that it calls within that time. Each
    takes several passes of the compiler.
    """

    def __init__(self) -> None:
        self._depth = 0
        self._delaying = self._interrupted = False

    def on_start(self, event: Any) -> None:
        """Say that a kernel is being compiled, and delay Ctrl-C."""
        if _is_kernel(event):
            say_compiling()
            self._depth += 1
            if self._depth == 1 and _raises_at_once():
                self._delaying = True
                signal.signal(signal.SIGINT, self._interrupt)
        self._check()

    def on_end(self, event: Any) -> None:
        """Stop the delay when the kernel is compiled."""
        if _is_kernel(event):
            self._depth -= 1
            if self._depth == 0 and self._delaying:
                self._delaying = False
                signal.signal(signal.SIGINT, signal.default_int_handler)
        self._check()

    def _interrupt(self, number: int, frame: Any) -> None:
        self._interrupted = True

    def _check(self) -> None:
        if self._interrupted:
            self._interrupted = False
            raise KeyboardInterrupt


def _is_kernel(event: Any) -> bool:
    if event.kind != COMPILE:
        return False
    return str(event.data["dispatcher"].py_func.__module__).startswith(KERNELS)


def _raises_at_once() -> bool:
    """Whether Ctrl-C raises KeyboardInterrupt wherever this thread is."""
    in_main_thread = threading.current_thread() is threading.main_thread()
    return in_main_thread and signal.getsignal(signal.SIGINT) is signal.default_int_handler


_compilation = Compilation()
for kind in (COMPILE, PASS):
    event.register(kind, _compilation)
