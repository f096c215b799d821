"""Writing files so that nothing is ever half there."""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from scratchgpt.errors import UserError


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """``with replacing(path) as temporary:`` write to ``temporary``; then it takes its place.

    Whoever reads ``path`` sees the old file or the new one, also after a power cut: the new one
    reaches the disk before it gets the name. If writing fails, the old file stays as it was.

    Raises
    ------
    UserError
        If the disk is full or the folder cannot be written.
    """
    temporary = path.parent / f".{path.name}.{os.getpid()}.tmp"
    try:
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def make_folder(path: Path) -> None:
    """Make a folder, and those above it, where it is not there yet.

    Raises
    ------
    UserError
        If it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(path, error) from error


def cannot_write(path: Path, error: OSError) -> UserError:
    """The error to raise where ``path`` could not be written."""
    reason = error.strerror or str(error)
    is_full = error.errno in (errno.ENOSPC, errno.EDQUOT, None)  # None: a library did not say
    way_out = "free some space or choose another folder" if is_full else "choose another folder"
    return UserError(f"cannot write {path}: {reason}; {way_out}")
