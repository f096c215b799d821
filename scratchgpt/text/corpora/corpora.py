"""Sources of text: files, folders, globs, standard input and named corpora."""

import glob
import hashlib
import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from scratchgpt.errors import UserError, counted, did_you_mean
from scratchgpt.files import cannot_write, make_folder, replacing, sync, temporary_folder
from scratchgpt.text.corpora.checksums import Checksums, remembered_checksums
from scratchgpt.text.corpora.documents import BLOCK, Document, why_not_text
from scratchgpt.text.corpora.downloads import DOWNLOADS, download
from scratchgpt.text.corpora.generated import GENERATED
from scratchgpt.text.corpora.prepared import is_part_of_prepared
from scratchgpt.text.pairs.pairs import NAMED_PAIRS

# Descriptions of the named corpora.
NAMED_CORPORA = {
    **{name: corpus.description for name, corpus in GENERATED.items()},
    **{name: corpus.description for name, corpus in DOWNLOADS.items()},
}


def find_documents(words: Sequence[str], cache: Path) -> list[Document]:
    """Find the documents that command-line words name, in order.

    Parameters
    ----------
    words : sequence of str
        Each word is the path of a file, the path of a folder, a glob, ``-`` for standard input, or
        a key of NAMED_CORPORA. A folder means all text files below it, sorted, without hidden
        files; a warning names files that are binary, UTF-16 or UTF-32. If a word is both a path and
        a name, the path takes precedence.
    cache : path
        Folder for downloaded, generated or spooled documents.

    Raises
    ------
    UserError
        If a word names no document, or a download fails.
    """
    documents: list[Document] = []
    with remembered_checksums(cache) as checksums:
        for word in words:
            documents += _documents_of(word, cache, checksums)
    if not documents:
        where = ", ".join(repr(word) for word in words) or "an empty list"
        raise UserError(
            f"the corpus is empty: there are no text files in {where}; add some, or use python-docs"
        )
    return documents


def _documents_of(word: str, cache: Path, checksums: Checksums) -> list[Document]:
    if word == "-":
        if sys.stdin is None:
            raise UserError("standard input is closed; give a file instead of -")
        return [_spooled(sys.stdin.buffer, "standard input", cache)]
    if os.path.isdir(word):
        return [_file_document(p, cache, checksums) for p in _text_files_below(Path(word))]
    if os.path.exists(word):
        return [_file_document(Path(word), cache, checksums)]
    if word in GENERATED:
        return [_generated(word, cache)]
    if word in DOWNLOADS:
        return [Document(download(word, cache), f"sha256:{DOWNLOADS[word].sha256}")]
    if glob.has_magic(word):
        return [_file_document(path, cache, checksums) for path in _matches(word)]
    hint = did_you_mean(word, NAMED_CORPORA)
    if word.split(":")[0] in NAMED_PAIRS:
        hint = "; it is a parallel text: use it with scratchgpt train --task translation"
    if not hint:
        hint = f"; give a file, a folder, a glob, - or one of {', '.join(NAMED_CORPORA)}"
    raise UserError(f"there is no file or corpus {word!r}{hint}")


def _file_document(path: Path, cache: Path, checksums: Checksums) -> Document:
    try:
        with open(path, "rb") as file:
            if not path.is_file():  # a pipe (`<(command)`, /dev/stdin) can be read only once
                return _spooled(file, str(path), cache)
            _check_is_text(path)
            status, checksum = os.fstat(file.fileno()), checksums.sha256(file)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    changed = f"{status.st_size} bytes, changed {status.st_mtime_ns}"
    identity = f"{path.absolute()}, {changed}, sha256:{checksum}"
    return Document(path, identity, sha256=checksum)


def _check_is_text(path: Path) -> None:
    if is_part_of_prepared(path):
        raise UserError(
            f"{path} is part of the prepared corpus {path.parent}, which has tokens instead of "
            "text; name that folder alone, or the text that it was made from"
        )


def _text_files_below(folder: Path) -> list[Path]:
    found, left_out = [], []
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.is_file() and not hidden:
            _check_is_text(path)
            if reason := why_not_text(path):
                left_out.append(f"{path.relative_to(folder)} ({reason})")
            else:
                found.append(path)
    if left_out:
        n = len(left_out)
        names = ", ".join(left_out[:3]) + (f" and {n - 3:,} more" if n > 3 else "")
        files = counted(n, "file that is", "files that are")
        warnings.warn(f"{folder}: leaving out {files} not UTF-8 text: {names}", stacklevel=4)
    return found


def _matches(pattern: str) -> list[Path]:
    paths = [Path(match) for match in sorted(glob.glob(pattern, recursive=True))]
    files = [path for path in paths if not path.is_dir()]
    if not files:
        raise UserError(f"no file matches {pattern!r}")
    return files


def _spooled(source: BinaryIO, name: str, cache: Path) -> Document:
    """Copy a stream to the cache under its hash, because a corpus can be read more than once."""
    folder = cache / "spool"
    digest = hashlib.sha256()
    make_folder(folder)
    try:
        with temporary_folder(folder / "copy") as private:
            with open(private / "copy", "wb") as file:
                while block := source.read(BLOCK):
                    digest.update(block)
                    file.write(block)
            path = folder / f"{digest.hexdigest()[:32]}.txt"
            sync(private / "copy")
            os.replace(private / "copy", path)
    except OSError as error:
        raise cannot_write(folder, error) from error
    return Document(path, f"sha256:{digest.hexdigest()}", name)


def _generated(name: str, cache: Path) -> Document:
    """Generate a corpus from this Python installation, unless the cache has it already."""
    folder = cache / "generated"
    corpus = GENERATED[name]
    installation = hashlib.sha256(corpus.identity().encode()).hexdigest()[:16]
    path = folder / f"{name.replace(':', '-')}-{installation}.txt"
    if not path.exists():
        make_folder(folder)
        with replacing(path) as temporary:
            corpus.write(temporary)
    identity = hashlib.sha256(path.read_bytes()).hexdigest()
    return Document(path, f"sha256:{identity}", name)
