"""Checksums of large files, remembered so that a file is not read again until it changes."""

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

from scratchgpt.errors import UserError
from scratchgpt.files import make_folder, write_text
from scratchgpt.structured import check_type, read_json

CHECKSUMS_FILE = "checksums.json"
SMALLEST = 1 << 20  # bytes; smaller files are read each time
# Two changes within this time can leave a file with the same time of change.
CLOCK_SECONDS = 2.0


def stamp_of(file: BufferedReader) -> str:
    """Describe an open file by its inode, its size and its times.

    No program can set the time of change (ctime), so a file with the same stamp has the same
    content. Windows has no such time; there, a program that restores the time of modification
    can hide a change.
    """
    status = os.fstat(file.fileno())
    return f"{status.st_ino} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"


class Checksums:
    """SHA-256 of open files, by their stamps; see :func:`remembered_checksums`."""

    def __init__(self, known: dict[str, str]) -> None:
        self.known = known  # "STAMP SHA-256" of each path
        self.is_changed = False

    def sha256(self, file: BufferedReader) -> str:
        """Return the SHA-256 of an open file, which is read unless it has not changed."""
        path, stamp = os.path.abspath(file.name), stamp_of(file)
        before, _, checksum = self.known.get(path, "").rpartition(" ")
        if before == stamp:
            return checksum
        status = os.fstat(file.fileno())
        is_settled = time.time() - max(status.st_mtime, status.st_ctime) > CLOCK_SECONDS
        checksum = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
        if is_settled and status.st_size >= SMALLEST:
            self.known[path] = f"{stamp} {checksum}"
            self.is_changed = True
        return checksum


@contextlib.contextmanager
def remembered_checksums(cache: Path) -> Iterator[Checksums]:
    """Load the checksums that a cache has, and save the new ones at the end of the block.

    If the cache cannot be written, or its file is damaged, more files are read, and nothing else
    changes.
    """
    path = cache / CHECKSUMS_FILE
    checksums = Checksums(_read(path))
    yield checksums
    if checksums.is_changed:
        known = checksums.known.items()
        existing = {name: checksum for name, checksum in known if os.path.exists(name)}
        with contextlib.suppress(UserError):
            make_folder(path.parent)
            write_text(path, json.dumps(existing, indent=0))


def _read(path: Path) -> dict[str, str]:
    try:
        values = read_json(path)
        check_type(values, dict[str, str], "its content", str(path))
    except (UserError, FileNotFoundError):
        return {}
    return values
