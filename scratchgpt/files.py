"""Atomic writing of files."""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from scratchgpt.errors import UserError


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Replace a file atomically: ``with replacing(path) as temporary:`` write to ``temporary``.

    At the end of the block, the temporary file is flushed to disk and then renamed to ``path``. A
    reader sees either the old file or the new file, even after a power failure. If writing fails,
    the old file is unchanged.

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
    """Write a text file atomically.

    Raises
    ------
    UserError
        If the text names a file whose name is not text in the encoding of the terminal.
    """
    try:
        content = text.encode("utf-8")
    except UnicodeEncodeError as error:
        [line] = text[: error.end].splitlines()[-1:]
        raise UserError(
            f"cannot write {path}: {line.strip()!a} ends in bytes that are not UTF-8; rename the "
            "file that it names, or set the terminal to UTF-8, for example with LC_ALL=C.UTF-8"
        ) from error
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def make_folder(path: Path) -> None:
    """Create a folder and its parents if they do not exist.

    Raises
    ------
    UserError
        If the folder cannot be created.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(path, error) from error


def folder_bytes(folder: Path) -> int:
    """Return the size of all files in a folder and its subfolders; 0 if there is no such folder."""
    n_bytes = 0
    for parent, _, files in os.walk(folder):
        for file in files:
            with contextlib.suppress(OSError):  # another process may change the folder
                n_bytes += os.path.getsize(os.path.join(parent, file))
    return n_bytes


def cannot_write(path: Path, error: OSError) -> UserError:
    """Create the error to raise when ``path`` could not be written."""
    reason = error.strerror or str(error)
    is_full = error.errno in (errno.ENOSPC, errno.EDQUOT, None)  # None: the cause is unknown
    way_out = "free some space or choose another folder" if is_full else "choose another folder"
    return UserError(f"cannot write {path}: {reason}; {way_out}")
