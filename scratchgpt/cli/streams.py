"""The standard streams of the process, which may be closed, full or broken."""

import contextlib
import errno
import io
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any, NoReturn


class OutputFailedError(Exception):
    """Results cannot be written to standard output."""

    def __init__(self, cause: OSError) -> None:
        super().__init__(f"cannot write to standard output: {cause.strerror or cause}")
        self.is_broken_pipe = cause.errno == errno.EPIPE


@contextlib.contextmanager
def standard_streams() -> Iterator[None]:
    """Give the process three standard streams that work, and restore them afterwards.

    Closed standard input is empty. If standard output cannot be written, writing and flushing raise
    :class:`OutputFailedError`, because results would be lost. If standard error cannot be written,
    messages are lost, which does not stop a command.
    """
    _occupy_descriptors()
    before = sys.stdin, sys.stdout, sys.stderr
    # Python sets the streams that are closed to None.
    with open(os.devnull, "r+", encoding="utf-8") as null:
        sys.stdin = sys.stdin or null
        out, err = sys.stdout or _Closed(), sys.stderr or null
        if isinstance(out, io.TextIOWrapper) and out.errors == "strict":
            out.reconfigure(errors="replace")  # characters that its encoding lacks become "?"
        sys.stdout = _Stream(out, _fail)
        sys.stderr = _Stream(err, lambda error: None)
        try:
            yield
        finally:
            sys.stdin, sys.stdout, sys.stderr = before


class _Stream:
    """A text file that passes the first error in writing to a function, now and at each later use.

    So an error is not lost if a library catches it.
    """

    def __init__(self, file: Any, on_error: Callable[[OSError], None]) -> None:
        self._file = file
        self._on_error = on_error
        self._error: OSError | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def write(self, text: str) -> int:
        self._try(self._file.write, text)
        return len(text)

    def flush(self) -> None:
        self._try(self._file.flush)

    def _try(self, function: Callable[..., object], *arguments: str) -> None:
        if self._error is None:
            try:
                function(*arguments)
            except OSError as error:
                self._error = error
                _discard(self._file)
        if self._error is not None:
            self._on_error(self._error)


@contextlib.contextmanager
def streams_of_worker(rank: int) -> Iterator[None]:
    """Discard what a worker other than worker 0 writes inside a ``with`` block.

    What worker 0 writes goes on to where mpiexec writes, so its terminal does not count.
    """
    if rank == 0:
        with contextlib.redirect_stdout(_NoTerminal(sys.stdout)):
            yield
        return
    with (
        open(os.devnull, "w", encoding="utf-8") as null,
        contextlib.redirect_stdout(null),
        contextlib.redirect_stderr(null),
    ):
        yield


class _NoTerminal:
    """A text file that says that it is no terminal."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def isatty(self) -> bool:
        return False


class _Closed(io.TextIOBase):
    """Standard output that was closed when the process started."""

    def write(self, text: str) -> int:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))


def _fail(error: OSError) -> NoReturn:
    raise OutputFailedError(error)


def _discard(file: Any) -> None:
    """Send what a file has buffered to the null device: Python flushes it at exit."""
    with contextlib.suppress(OSError), open(os.devnull, "wb") as null:
        os.dup2(null.fileno(), file.fileno())


def _occupy_descriptors() -> None:
    """Open the null device in place of closed streams: the next file would take their number.

    Libraries that write to standard output by its number would then write into that file.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
