"""The text files below a folder: without ignored, hidden, binary and very large ones."""

import os
import stat
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from scratchgpt.embeddings.pieces.ignore_rules import IgnoreRule, is_ignored, read_rules
from scratchgpt.errors import UserError, counted
from scratchgpt.utf8 import decode_text

IGNORE_FILE = ".gitignore"
MAX_BYTES = 1 << 20
_BEGINNING = 8192  # bytes that git searches for a zero byte, which makes a file binary
# Names of the reasons for which a file is skipped, for one file and for several.
BINARY = ("binary file", "binary files")
LARGE = (f"file of more than {MAX_BYTES >> 20} MiB",) * 2
NOT_UTF8 = ("file that is not UTF-8", "files that are not UTF-8")
UNREADABLE = ("file or folder that cannot be read", "files or folders that cannot be read")


class FoundFile(NamedTuple):
    """A file, with what changes when its content does."""

    path: str  # absolute
    n_bytes: int
    mtime_ns: int


@dataclass
class Skipped:
    """Files that were not read, counted by the reason."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def __str__(self) -> str:
        return ", ".join(counted(n, *reason) for reason, n in sorted(self.counts.items()))


def find_files(roots: Sequence[Path | str], skipped: Skipped) -> list[FoundFile]:
    """Find the files below some folders, sorted by path, each once.

    Not found are files that a ``.gitignore`` excludes (those below the folder, and those above it
    in the same git repository), hidden files and folders, virtual environments, and whatever is
    behind a symbolic link. A root itself may be hidden, ignored or a link.

    Parameters
    ----------
    roots : sequence of paths
        Folders or files.
    skipped : Skipped
        Files that are too large or cannot be read are counted here.

    Raises
    ------
    UserError
        If a root does not exist or cannot be read.
    """
    found: dict[str, FoundFile] = {}
    for root in roots:
        for one in _files_below(Path(os.path.realpath(root)), str(root), skipped):
            found[one.path] = one
    return [found[path] for path in sorted(found)]


def read_file(path: str, skipped: Skipped) -> bytes | None:
    """Return the content of a text file, or None after counting the reason to skip it."""
    try:
        with open(path, "rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError:
        skipped.counts[UNREADABLE] += 1
        return None
    if len(content) > MAX_BYTES:  # it has grown
        skipped.counts[LARGE] += 1
        return None
    return content


def text_of(content: bytes, skipped: Skipped) -> str | None:
    """Decode the content of a file, or return None after counting the reason to skip it."""
    if b"\0" in content[:_BEGINNING]:
        skipped.counts[BINARY] += 1
        return None
    try:
        return decode_text(content)
    except UnicodeDecodeError:
        skipped.counts[NOT_UTF8] += 1
        return None


def repository_of(folder: Path) -> Path | None:
    """Return the nearest folder above, or the folder itself, that has a ``.git``."""
    for above in (folder, *folder.parents):
        if (above / ".git").exists():
            return above
    return None


def _files_below(root: Path, name: str, skipped: Skipped) -> Iterator[FoundFile]:
    try:
        status = root.stat()
        if not stat.S_ISDIR(status.st_mode):
            if not stat.S_ISREG(status.st_mode):
                raise UserError(f"{name} is neither a folder nor an ordinary file")
            if status.st_size > MAX_BYTES:
                skipped.counts[LARGE] += 1
            else:
                yield FoundFile(str(root), status.st_size, status.st_mtime_ns)
            return
        os.scandir(root).close()
    except FileNotFoundError:
        raise UserError(f"{name} does not exist; name a folder to search") from None
    except OSError as error:
        raise UserError(f"cannot read {name}: {error.strerror or error}") from error
    yield from _walk(root, skipped)


def _walk(root: Path, skipped: Skipped) -> Iterator[FoundFile]:
    top = repository_of(root) or root
    names = root.relative_to(top).parts
    rules = _rules_in(top / ".git" / "info" / "exclude", 0)
    for depth in range(len(names)):
        rules += _rules_in(top.joinpath(*names[:depth], IGNORE_FILE), depth)
    stack = [(str(root), names, rules)]
    while stack:
        folder, names, rules = stack.pop()
        try:
            with os.scandir(folder) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError:
            skipped.counts[UNREADABLE] += 1
            continue
        rules = rules + _rules_in(Path(folder, IGNORE_FILE), len(names))
        if folder != str(root) and any(entry.name == "pyvenv.cfg" for entry in listed):
            continue  # a virtual environment
        for entry in listed:
            if entry.name.startswith(".") or entry.is_symlink():
                continue
            is_folder = entry.is_dir(follow_symlinks=False)
            own = (*names, entry.name)
            if is_ignored(rules, own, is_folder):
                continue
            if is_folder:
                stack.append((entry.path, own, rules))
            elif entry.is_file(follow_symlinks=False):
                yield from _checked(entry, skipped)


def _checked(entry: os.DirEntry[str], skipped: Skipped) -> Iterator[FoundFile]:
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError:
        skipped.counts[UNREADABLE] += 1
        return
    if status.st_size > MAX_BYTES:
        skipped.counts[LARGE] += 1
    elif status.st_size:
        yield FoundFile(entry.path, status.st_size, status.st_mtime_ns)


def _rules_in(path: Path, depth: int) -> list[tuple[int, IgnoreRule]]:
    """Return the rules in a ``.gitignore`` file; none if it is missing or unreadable."""
    try:
        with open(path, "rb") as file:
            content = file.read(MAX_BYTES)
    except OSError:
        return []
    return [(depth, rule) for rule in read_rules(content.decode("utf-8", "surrogateescape"))]
