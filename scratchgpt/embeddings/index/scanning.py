"""The comparison of an index with the files on disk."""

import hashlib
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from scratchgpt.embeddings.index.contents import Contents, FileEntry, merged, only_files
from scratchgpt.embeddings.pieces.cutting import DEFAULT_MAX_CHARACTERS, cut
from scratchgpt.embeddings.pieces.piece import Piece, divided_until
from scratchgpt.embeddings.pieces.text_files import (
    BINARY,
    NOT_UTF8,
    FoundFile,
    Skipped,
    find_files,
    read_file,
    text_of,
)

REASONS = (None, BINARY, NOT_UTF8)
# A file may change twice within the resolution of its time stamp, so a file that was changed
# shortly before it was read is read again.
_RESOLUTION_NS = 2 * 10**9
_LONG = 1 << 20  # bytes; less is read at once

Report = Callable[[str, int, int], None]


class Division(NamedTuple):
    """How files are divided into pieces.

    Attributes
    ----------
    number : int
        Identifies the division in an index.
    max_characters : int
        The maximum length of a piece.
    fits : callable, optional
        Called with texts; returns whether each is short enough for a model. Longer pieces are
        divided again.
    """

    number: int
    max_characters: int
    fits: Callable[[list[str]], Sequence[bool]] | None = None


DEFAULT_DIVISION = Division(0, DEFAULT_MAX_CHARACTERS)


@dataclass(frozen=True)
class Changes:
    """What an update of an index found.

    Attributes
    ----------
    added, changed, removed, kept : int
        Numbers of files below the given folders. A renamed file is removed and added.
    embedded : int
        Number of texts that were embedded. Texts that occur several times, and those that were
        embedded before, are not embedded again.
    skipped : str
        Files without readable text, counted by reason: ``2 binary files``. Empty if there are none.
    """

    added: int
    changed: int
    removed: int
    kept: int
    embedded: int = 0
    skipped: str = ""


def scan(
    contents: Contents,
    roots: Sequence[Path | str],
    division: Division | None,
    report: Report,
) -> tuple[Contents, Changes]:
    """Read the files that are new or changed, and remove those that are gone.

    Files outside the roots are kept, whether they exist or not.

    Parameters
    ----------
    contents : Contents
        Returned as the same object if no file changed.
    roots : sequence of paths
    division : Division or None
        Files that were divided otherwise are read again. None accepts any, and divides other files
        by default.
    report : callable
        Called with (stage, bytes done, total bytes).

    Raises
    ------
    UserError
        If a root does not exist.
    """
    skipped = Skipped()
    found = {one.path: one for one in find_files(roots, skipped)}
    is_inside = inside(roots)
    old = {entry.path: entry for entry in contents.files}
    fresh = {
        path
        for path, entry in old.items()
        if path in found
        and (entry.n_bytes, entry.mtime_ns) == found[path][1:]
        and entry.mtime_ns < entry.read_ns - _RESOLUTION_NS
        and (division is None or division.number == entry.division)
    }
    to_read = [one for path, one in found.items() if path not in fresh]
    new: list[tuple[FileEntry, list[Piece]]] = []
    same: dict[str, FileEntry] = {}
    done, total = 0, sum(one.n_bytes for one in to_read)
    is_long = total >= _LONG
    for one in to_read:
        entry = _read(one, old.get(one.path), division, skipped)
        if isinstance(entry, FileEntry):
            same[one.path] = entry
        elif entry is not None:
            new.append(entry)
        done += one.n_bytes
        if is_long:
            report("reading files", done, total)
    kept = [
        entry.path in fresh or entry.path in same or not is_inside(entry.path)
        for entry in contents.files
    ]
    for entry in contents.files:
        if entry.path in fresh and (reason := REASONS[entry.reason]):
            skipped.counts[reason] += 1
    n_changed = sum(entry.path in old for entry, _ in new)
    changes = Changes(
        added=len(new) - n_changed,
        changed=n_changed,
        removed=len(kept) - sum(kept) - n_changed,
        kept=len(fresh) + len(same),
        skipped=str(skipped),
    )
    if same:
        files = [same.get(entry.path, entry) for entry in contents.files]
        contents = replace(contents, files=files)
    if not all(kept):
        contents = only_files(contents, kept)
    if new:
        contents = merged(contents, Contents.of(new))
    return contents, changes


def inside(roots: Sequence[Path | str]) -> Callable[[str], bool]:
    """Return a function that says whether an absolute path is one of the roots or below one."""
    places = [os.path.realpath(root) for root in roots]
    below = tuple(place.rstrip(os.sep) + os.sep for place in places)
    exact = set(places)
    return lambda path: path.startswith(below) or path in exact


def _read(
    one: FoundFile, old: FileEntry | None, division: Division | None, skipped: Skipped
) -> FileEntry | tuple[FileEntry, list[Piece]] | None:
    """Return the old entry with new times, a new entry with its pieces, or None if unreadable."""
    now = time.time_ns()
    content = read_file(one.path, skipped)
    if content is None:
        return None
    sha256 = hashlib.sha256(content).digest()
    is_divided = old is not None and (division is None or division.number == old.division)
    if old is not None and old.sha256 == sha256 and is_divided:
        if reason := REASONS[old.reason]:
            skipped.counts[reason] += 1
        return old._replace(n_bytes=one.n_bytes, mtime_ns=one.mtime_ns, read_ns=now)
    before = skipped.counts.copy()
    text = text_of(content, skipped)
    division = division or DEFAULT_DIVISION
    pieces = [] if text is None else cut(one.path, text, division.max_characters)
    if division.fits is not None:
        pieces = list(divided_until(pieces, division.fits))
    [reason] = skipped.counts - before or [None]
    entry = FileEntry(*one, now, sha256, division.number, REASONS.index(reason), len(pieces))
    return entry, pieces
