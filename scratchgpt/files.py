"""Atomic writing of files and folders.

New content is first written inside a private temporary folder beside its destination, and then
renamed. The temporary folder has a random name, is created exclusively and belongs to its owner
alone, so no other user can prepare a link at a name that is written to. It is locked while it is
in use; an unlocked one was left by a process that was killed, and the next write removes it.
"""

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from scratchgpt.errors import UserError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

TEMPORARY = ".tmp"
_HERE, _EXCHANGE = -100, 2  # AT_FDCWD and RENAME_EXCHANGE of Linux


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Replace a file atomically: ``with replacing(path) as temporary:`` write to ``temporary``.

    At the end of the block, the temporary file is flushed to disk and then renamed to ``path``. A
    reader sees either the old file or the new file, even after a power failure. If writing fails,
    the old file is unchanged. A link at ``path`` is replaced, and the file it points to is
    unchanged.

    Raises
    ------
    UserError
        If the disk is full, the folder cannot be written, or ``path`` is a device or a pipe.
    """
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise UserError(f"cannot write {path}: it is not an ordinary file; choose another path")
        with temporary_folder(path) as folder:
            temporary = folder / path.name
            yield temporary
            sync(temporary)
            os.replace(temporary, path)
    except OSError as error:
        raise cannot_write(path, error) from error


@contextlib.contextmanager
def temporary_folder(path: Path) -> Iterator[Path]:
    """Create a private folder beside ``path`` for a ``with`` block, and remove it afterwards.

    First remove the folders that killed processes left for the same path.
    """
    remove_leftovers(path.parent, path.name)
    while True:
        folder = Path(tempfile.mkdtemp(TEMPORARY, f".{path.name}.", path.parent))
        descriptor = _lock(folder, wait=True)
        if descriptor is None or folder.exists():
            break
        os.close(descriptor)  # another process removed the folder before this one locked it
    try:
        yield folder
    finally:
        _remove_locked(folder, descriptor)


def remove_leftovers(folder: Path, name: str | None = None) -> None:
    """Remove temporary folders in ``folder`` that no process uses, for one name or for all."""
    for leftover in _leftovers(folder, name):
        descriptor = _lock(leftover, wait=False)
        if descriptor is not None:
            _remove_locked(leftover, descriptor)


def _leftovers(folder: Path, name: str | None) -> list[Path]:
    start = "." if name is None else f".{name}."
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        return [
            Path(entry.path)
            for entry in entries
            if entry.name.startswith(start)
            and entry.name.endswith(TEMPORARY)
            and entry.is_dir(follow_symlinks=False)
        ]
    return []


def _remove_locked(folder: Path, descriptor: int | None) -> None:
    try:
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _lock(folder: Path, *, wait: bool) -> int | None:
    """Lock a folder until the returned descriptor is closed or the process ends.

    Return None if the folder is locked or gone, or if the system cannot lock folders.
    """
    if fcntl is None:
        return None
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


@contextlib.contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Replace a folder by the one that a ``with`` block fills, atomically.

    Its files are flushed to disk before the two folders are exchanged, so a reader sees either the
    old folder or the new one. If an error occurs, the old folder is unchanged. A link at ``path``
    is replaced, and the folder that it points to is unchanged.

    Raises
    ------
    UserError
        If the disk is full, or the parent folder cannot be written.
    """
    try:
        with temporary_folder(path) as outer:
            folder = outer / path.name
            folder.mkdir()
            yield folder
            for file in folder.rglob("*"):
                sync(file)
            sync(folder)
            _exchange(folder, path)
            sync(path.parent)
    except OSError as error:
        raise cannot_write(path, error) from error


def _exchange(new: Path, path: Path) -> None:
    """Put a folder at ``path``; what was there is then at ``new``, or beside it."""
    if not os.path.lexists(path):
        os.rename(new, path)
    elif not _exchange_names(new, path):
        os.rename(path, previous(path))
        os.rename(new, path)
        remove(previous(path))


def _exchange_names(first: Path, second: Path) -> bool:
    """Exchange two names atomically; return False if the system cannot."""
    import ctypes

    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None) if fcntl else None
    if rename is None:
        return False
    return rename(_HERE, os.fsencode(first), _HERE, os.fsencode(second), _EXCHANGE) == 0


def previous(path: Path) -> Path:
    """Return the name of the old folder while a system without exchange replaces it."""
    return path.with_name(f"{path.name}.previous")


def remove(path: Path) -> None:
    """Remove a folder with its content, or a link to a folder but not the folder."""
    if path.is_symlink():
        path.unlink()
    else:
        shutil.rmtree(path)


def sync(path: Path) -> None:
    """Flush a file, or the entries of a folder, to disk."""
    if path.is_dir():
        if os.name == "nt":
            return  # Windows cannot open folders
        descriptor = os.open(path, os.O_RDONLY)
    else:
        descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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
