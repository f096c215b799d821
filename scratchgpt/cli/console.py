"""Terminal input and output for all verbs: progress on stderr, text on stdout, text from stdin."""

import contextlib
import json
import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TextIO

from scratchgpt.errors import UserError
from scratchgpt.escapes import escaped, shell_quoted
from scratchgpt.utf8 import decode_blocks, decode_text, not_utf8

if TYPE_CHECKING:
    from rich.console import Console

    from scratchgpt.text import ProgressCallback

SECONDS_BETWEEN_LINES = 5.0

_BREAKS = re.compile("[\t\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+")  # tabs, and as str.splitlines
_OUTER_BREAKS = re.compile(rf"\A{_BREAKS.pattern}|{_BREAKS.pattern}\Z")


@contextlib.contextmanager
def preparation_progress(stream: TextIO | None = None) -> "Iterator[ProgressCallback]":
    """Show the progress of preparing a corpus: ``with preparation_progress() as progress:``.

    On a terminal, the progress is a bar that disappears when the work is done. Otherwise (a file,
    a pipe, ``TERM=dumb``), it is one line when a stage starts and one line every few seconds. If
    no progress is reported, nothing is shown.

    Parameters
    ----------
    stream : text file, optional
        Where to write; by default standard error.
    """
    from rich.console import Console

    console = Console(file=stream or sys.stderr)
    if console.is_terminal and not console.is_dumb_terminal:
        bar = _bar(console)
        try:
            yield _Bar(bar)
        finally:
            bar.stop()
    else:
        yield _Lines(console)


def program() -> str:
    """Return how the user can call this program from the shell, as it was called now.

    It is ``scratchgpt`` if the shell finds that program under its name.
    """
    called = sys.argv[0]
    if os.path.basename(called) == "__main__.py":  # python -m scratchgpt
        return f"{_command(sys.executable)} -m scratchgpt"
    return _command(called)


def _command(path: str) -> str:
    name = os.path.basename(path)
    found = shutil.which(name)
    is_found = found is not None and os.path.abspath(found) == os.path.abspath(path)
    return name if is_found else shell_quoted(path)


def is_terminal() -> bool:
    """Whether a person types the input and reads the output."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def message(text: str) -> None:
    """Write a message of one line to standard error, without control characters."""
    print(escaped(text), file=sys.stderr)


def write_line(text: str) -> None:
    """Write one line of a table or a summary to standard output, without control characters."""
    _write(f"{escaped(text)}\n")


def write_wrapped(text: str) -> None:
    """Write a line to standard output, broken to fit the terminal; later lines are indented."""
    import textwrap

    width = min(shutil.get_terminal_size().columns, 100)
    lines = textwrap.wrap(escaped(text), width, subsequent_indent="  ", break_long_words=False)
    _write("\n".join(lines) + "\n")


def write_text(text: str) -> None:
    """Write text of a model or of the user to standard output, and flush.

    On a terminal, control characters are escaped, except tabs and line breaks. Elsewhere the text
    is unchanged.
    """
    _write(escaped(text, keep="\t\n") if sys.stdout.isatty() else text)
    sys.stdout.flush()


def write_json(record: object) -> None:
    """Write an object to standard output as one line of JSON, in ASCII."""
    print(json.dumps(record).replace("\x7f", "\\u007f"), flush=True)


def _write(text: str) -> None:
    """Write text to standard output; characters that its encoding lacks become ``?``."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, errors="replace").decode(encoding))


def one_line(text: str) -> str:
    """Return a text with spaces for its tabs and line breaks, of all kinds that Python knows."""
    return _BREAKS.sub(" ", _OUTER_BREAKS.sub("", text))


def byte_count(n: int) -> str:
    """Format a number of bytes with a unit: ``1.2 GB``."""
    power = min(max(len(str(n)) - 1, 0) // 3, 4)
    unit = ("B", "kB", "MB", "GB", "TB")[power]
    return f"{n / 1000**power:,.{1 if power else 0}f} {unit}"


def read_standard_input() -> str:
    """Read the text on standard input, without its last newline.

    Raises
    ------
    UserError
        If standard input cannot be read, or is not UTF-8; the message names the byte.
    """
    content = read_standard_input_bytes()
    try:
        return decode_text(content).removesuffix("\n")
    except UnicodeDecodeError as error:
        raise not_utf8("standard input", f"at offset {error.start}", error) from None


def read_prompts(prompts: list[str]) -> list[str]:
    """Return the texts of --prompt, with ``-`` replaced by standard input.

    Raises
    ------
    UserError
        If a text is not UTF-8.
    """
    if "-" in prompts:
        text = read_standard_input()
        prompts = [text if prompt == "-" else prompt for prompt in prompts]
    for prompt in prompts:
        try:
            prompt.encode("utf-8")
        except UnicodeEncodeError:
            raise UserError(
                f"--prompt {prompt!r} is not UTF-8; set the terminal to UTF-8"
            ) from None
    return prompts


def read_lines_of_standard_input() -> Iterator[str]:
    """Iterate over the lines of standard input as they arrive, without their ends.

    Raises
    ------
    UserError
        If standard input cannot be read, or is not UTF-8; the message names the byte.
    """
    lines = iter(lambda: _input(sys.stdin.buffer.readline), b"")
    for text in decode_blocks(lines, "standard input"):
        yield text.removesuffix("\n").removesuffix("\r")


def read_standard_input_bytes() -> bytes:
    """Read standard input.

    Raises
    ------
    UserError
        If it cannot be read.
    """
    return _input(sys.stdin.buffer.read)


def _input(read: Callable[[], bytes]) -> bytes:
    try:
        return read()
    except OSError as error:
        raise UserError(f"cannot read standard input: {error.strerror or error}") from error


class _Bar:
    """A callback that advances a progress bar; a new stage starts a new bar."""

    def __init__(self, bar: Any) -> None:
        self._bar = bar
        self._what: str | None = None
        self._task: Any = None

    def __call__(self, what: str, done: int, total: int) -> None:
        if what != self._what:
            self._what = what
            if self._task is not None:
                self._bar.remove_task(self._task)
            self._task = self._bar.add_task(escaped(what), total=total or None)
            self._bar.start()
        self._bar.update(self._task, completed=done)
        if total and done >= total:
            self._bar.stop()


class _Lines:
    """A callback that prints a line when a stage starts and every few seconds."""

    def __init__(self, console: "Console") -> None:
        self._console = console
        self._what: str | None = None
        self._last = 0.0

    def __call__(self, what: str, done: int, total: int) -> None:
        from rich.filesize import decimal

        now = time.monotonic()
        if what != self._what:
            self._what = what
            of = f" ({decimal(total)})" if total else ""
            self._print(f"{what}{of}")
        elif now - self._last >= SECONDS_BETWEEN_LINES:
            self._print(f"{what}: {done / total:.0%}")
        else:
            return
        self._last = now

    def _print(self, text: str) -> None:
        self._console.print(escaped(text), markup=False, highlight=False, soft_wrap=True)


def _bar(console: "Console") -> Any:
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=console,
        expand=True,
        transient=True,
        redirect_stdout=False,  # rich must not change the results on standard output
    )
