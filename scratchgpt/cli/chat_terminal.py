"""A chat in a terminal: lines with editing and history, and Ctrl-C."""

import contextlib
import signal
from collections.abc import Callable, Iterator
from typing import Any

from scratchgpt.cli.chat_session import Session
from scratchgpt.cli.console import message, write_text
from scratchgpt.errors import UserError, counted

PROMPT = "> "


def chat_in_terminal(session: Session) -> None:
    """Answer the lines that the user types, until Ctrl-D, /exit, or Ctrl-C twice.

    Ctrl-C stops an answer. On the prompt it discards the line; twice on an empty line it leaves.
    """
    readline = _readline()
    block_size = session.dialogue.engine.model.config.block_size
    message(
        f"context: {counted(block_size, 'token')}; /help lists the commands, Ctrl-C stops an "
        "answer, Ctrl-D leaves"
    )
    asked = False  # whether Ctrl-C was just pressed on an empty line
    while not session.is_over:
        try:
            line = input(PROMPT)
        except KeyboardInterrupt:
            write_text("\n")
            is_empty = readline is None or not readline.get_line_buffer()
            if is_empty and asked:
                return
            asked = is_empty
            if asked:
                message("note: Ctrl-C again or Ctrl-D leaves")
            continue
        except EOFError:
            write_text("\n")
            return
        except UnicodeDecodeError:
            message("error: the line is not UTF-8; set the terminal to UTF-8")
            continue
        asked = False
        try:
            with _interrupts() as interrupted:
                session.handle(line, interrupted)
        except UserError as error:
            message(f"error: {error}")


def _readline() -> Any:
    """Return the module that edits lines and keeps their history, or None without it."""
    try:
        import readline
    except ImportError:  # Windows, whose terminal edits lines
        return None
    return readline


@contextlib.contextmanager
def _interrupts() -> Iterator[Callable[[], bool]]:
    """Let Ctrl-C only set what the function returns; the answer ends at its next token."""
    pressed: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _frame: pressed.append(number))
    try:
        yield lambda: bool(pressed)
    finally:
        signal.signal(signal.SIGINT, before)
