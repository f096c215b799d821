"""Where text comes from: files, folders, globs, standard input, and corpora that have a name."""

import codecs
import glob
import hashlib
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from scratchgpt.errors import UserError, did_you_mean
from scratchgpt.files import replacing
from scratchgpt.text.downloads import DOWNLOADS, download
from scratchgpt.text.python_docs import write_python_docs

BLOCK = 1 << 20  # bytes read at a time

NAMED_CORPORA = ("python-docs", *DOWNLOADS)


@dataclass(frozen=True)
class Document:
    """One text file of a corpus.

    Attributes
    ----------
    path : Path
    identity : str
        Changes when the content does: size and time of the last change, or a checksum.
    """

    path: Path
    identity: str

    def blocks(self) -> Iterator[str]:
        """The text in pieces of about a megabyte.

        Raises
        ------
        UserError
            If the file cannot be read or is not UTF-8; says which byte.
        """
        decoder = codecs.getincrementaldecoder("utf-8")()
        n_read = 0
        try:
            with open(self.path, "rb") as file:
                while block := file.read(BLOCK):
                    held_back = len(decoder.getstate()[0])
                    try:
                        yield decoder.decode(block)
                    except UnicodeDecodeError as error:
                        raise self._not_utf8(n_read - held_back, error) from None
                    n_read += len(block)
            try:
                decoder.decode(b"", final=True)
            except UnicodeDecodeError as error:
                raise self._not_utf8(n_read - len(error.object), error) from None
        except OSError as error:
            raise UserError(f"cannot read {self.path}: {error.strerror}") from error

    def _not_utf8(self, offset: int, error: UnicodeDecodeError) -> UserError:
        """``offset`` is where in the file the bytes begin that the decoder was working on."""
        where = offset + error.start
        return UserError(
            f"{self.path} is not UTF-8: byte 0x{error.object[error.start]:02x} at offset {where} "
            f"({error.reason}); convert the file, or leave it out"
        )


def find_documents(words: Sequence[str], cache: Path) -> list[Document]:
    """The documents that words on a command line name, in order.

    Parameters
    ----------
    words : sequence of str
        Each is the path of a file, of a folder (all files below it but hidden ones, sorted), a
        glob, ``-`` for standard input, or one of NAMED_CORPORA.
    cache : path
        Folder for what has to be downloaded, generated or spooled.

    Raises
    ------
    UserError
        If a word names nothing.
    """
    documents: list[Document] = []
    for word in words:
        if word == "-":
            documents.append(_spool(sys.stdin.buffer, cache))
        elif Path(word).exists():
            documents.extend(_file_document(path) for path in _files_at(Path(word)))
        elif word == "python-docs":
            documents.append(_generated(word, write_python_docs, cache))
        elif word in DOWNLOADS:
            path = download(word, cache)
            documents.append(Document(path, f"sha256:{DOWNLOADS[word].sha256}"))
        else:
            documents.extend(_file_document(path) for path in _matches(word))
    if not documents:
        raise UserError("there are no files in the corpus; name a file, a folder or python-docs")
    return documents


def _file_document(path: Path) -> Document:
    status = path.stat()
    return Document(path, f"{status.st_size} bytes, changed {status.st_mtime_ns}")


def _files_at(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    below = (p for p in path.rglob("*") if p.is_file())
    return sorted(p for p in below if not any(n.startswith(".") for n in p.relative_to(path).parts))


def _matches(word: str) -> list[Path]:
    paths = [Path(match) for match in sorted(glob.glob(word, recursive=True))]
    files = [path for path in paths if path.is_file()]
    if files:
        return files
    if glob.has_magic(word):
        raise UserError(f"no file matches {word!r}")
    hint = did_you_mean(word, NAMED_CORPORA)
    if not hint:
        hint = f"; name a file, a folder, a glob, - or one of {', '.join(NAMED_CORPORA)}"
    raise UserError(f"there is no file or corpus {word!r}{hint}")


def _spool(source: BinaryIO, cache: Path) -> Document:
    """Standard input can be read only once, and a corpus is read twice: keep it, by its hash."""
    folder = cache / "spool"
    folder.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    descriptor, temporary = tempfile.mkstemp(dir=folder)
    try:
        with open(descriptor, "wb") as file:
            while block := source.read(BLOCK):
                digest.update(block)
                file.write(block)
        path = folder / f"stdin-{digest.hexdigest()[:16]}.txt"
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    return Document(path, f"sha256:{digest.hexdigest()}")


def _generated(name: str, write: Callable[[Path], None], cache: Path) -> Document:
    """A corpus that is made from this Python installation, once for each version of it."""
    folder = cache / "generated"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{platform.python_version()}.txt"
    if not path.exists():
        with replacing(path) as temporary:
            write(temporary)
    return Document(path, f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}")
