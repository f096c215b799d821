"""An index of text files: updated when files change, and searched by words and by meaning."""

import contextlib
import hashlib
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from scratchgpt.arguments import check_whole
from scratchgpt.backend import Array
from scratchgpt.embeddings.index.contents import Contents
from scratchgpt.embeddings.index.ranking import Hit
from scratchgpt.embeddings.index.scanning import Changes, Division, Report, scan
from scratchgpt.embeddings.index.searcher import Searcher
from scratchgpt.embeddings.index.vectors import VECTORS_FILE, Encoder, Vectors, embed_texts
from scratchgpt.errors import UserError, counted, did_you_mean
from scratchgpt.files import cannot_write, make_folder

CONTENTS_FILE, LOCK_FILE = "contents.safetensors", ".lock"
MODES = ("hybrid", "lexical", "semantic")
_CHARACTERS_PER_TOKEN = 3  # about as many as in code; a piece with too many is divided again


class Index:
    """The pieces of text files, with their words and their vectors.

    Use :meth:`open`. :meth:`update` reads what changed on disk, and :meth:`search` searches what
    the last update found.

    Attributes
    ----------
    folder : Path
    contents : Contents
        Files and pieces.
    vectors : Vectors or None
        None if there is no encoder, or no text was ever embedded.
    """

    def __init__(
        self, folder: Path, encoder: Encoder | None, model: str, say: Callable[[str], None]
    ) -> None:
        self.folder, self.encoder, self._model, self._tell_user = folder, encoder, model, say
        self._said: set[str] = set()
        self._searcher: Searcher | None = None
        self.contents = Contents.empty()
        self.vectors: Vectors | None = None
        self._is_kept = True
        self._read()

    @classmethod
    def open(
        cls,
        folder: Path | str,
        encoder: Encoder | None = None,
        *,
        model: str = "",
        say: Callable[[str], None] | None = None,
    ) -> "Index":
        """Open an index, or start one.

        Parameters
        ----------
        folder : path
            The folder of the index; created by :meth:`update`.
        encoder : TextEncoder, optional
            Without one, the index is searched by words only. The vectors that it may have are kept.
        model : str
            Where the encoder comes from; stored with the vectors.
        say : callable, optional
            Called with a line of text if the index is damaged, is made for another model, or
            cannot be written. By default, it is a warning.
        """
        return cls(Path(folder), encoder, model, say or _warn)

    def update(self, roots: Sequence[Path | str], *, report: Report | None = None) -> Changes:
        """Compare the index with the files below some folders, and embed new texts.

        Only these folders are compared, so what was indexed elsewhere is kept. A text is embedded
        once, however often it occurs and whatever the names of its files. If another process
        updates the index, wait for it. Ctrl-C keeps what has been embedded.

        Parameters
        ----------
        roots : sequence of paths
        report : callable, optional
            Called with (stage, done, total).

        Raises
        ------
        UserError
            If a folder does not exist, or the model computes NaN.
        """
        report = report or _report_nothing
        contents, changes = self._scan(roots, report)
        if contents is self.contents and not self._missing(contents):
            return changes
        with self._locked(report):
            if self._signature() != self._read_signature:  # another process has changed it
                self._read()
                contents, changes = self._scan(roots, report)
            self._searcher = None
            if contents is not self.contents:
                self.contents = contents
                self._keep(lambda: contents.save(self.folder / CONTENTS_FILE))
            missing = self._missing(contents)
            if missing:
                changes = replace(changes, embedded=len(missing))
                self._embed(missing, report)
        return changes

    def search(
        self,
        text: str,
        n: int = 10,
        *,
        mode: str | None = None,
        roots: Sequence[Path | str] | None = None,
        include: Sequence[str] = (),
    ) -> list[Hit]:
        """Return the pieces that fit a text best, the best first.

        Parameters
        ----------
        text : str
        n : int
            The maximum number of results.
        mode : {"hybrid", "lexical", "semantic"}, optional
            By words (BM25), by meaning (the cosine of vectors), or by the sum of both after each
            is standardized. By default hybrid if there is an encoder, and otherwise lexical.
        roots : sequence of paths, optional
            The folders to search; by default all that were indexed.
        include : sequence of str
            Patterns as in ``.gitignore``, one of which the path of a file must match.

        Raises
        ------
        UserError
            If the mode is unknown or needs an encoder, or the text is empty.
        """
        check_whole("n", n, least=1)
        mode = mode or ("lexical" if self.encoder is None else "hybrid")
        if mode not in MODES:
            raise UserError(
                f"mode={mode!r} must be one of {', '.join(MODES)}{did_you_mean(mode, MODES)}"
            )
        if not text.strip():
            raise UserError("the query is empty; say what to search for")
        query = None
        if mode != "lexical":
            query = self._query_vector(text)
        if self._searcher is None:
            vectors = None if self.encoder is None else self._own_vectors()
            self._searcher = Searcher(self.contents, vectors)
        return self._searcher.search(text, query, mode, n, roots, include)

    @property
    def n_missing(self) -> int:
        """The number of texts that the encoder has not embedded yet."""
        return len(self._missing(self.contents))

    def _query_vector(self, text: str) -> Array:
        if self.encoder is None:
            raise UserError("search by meaning needs an encoder; pass one, or use mode='lexical'")
        query = np.asarray(self.encoder.encode_query([text]), np.float32)[0]
        if not np.isfinite(query).all():
            raise UserError("the model computes NaN or infinity for the query; train it again")
        return query

    def _own_vectors(self) -> Vectors:
        """Return the vectors of this encoder; none if those of the index are of another one."""
        assert self.encoder is not None
        if self.vectors is not None and self.vectors.fingerprint == self.encoder.fingerprint:
            return self.vectors
        return Vectors(self.encoder.fingerprint, self._model, self.encoder.dim)

    def _missing(self, contents: Contents) -> dict[bytes, str]:
        """Return the texts that the encoder has to embed, by their keys."""
        if self.encoder is None:
            return {}
        known = self._own_vectors().numbers
        pairs = zip(contents.keys, contents.texts, strict=True)
        return {key: text for key, text in pairs if key not in known}

    def _embed(self, missing: dict[bytes, str], report: Report) -> None:
        assert self.encoder is not None
        vectors = self._own_vectors()
        if self.vectors is not None and vectors is not self.vectors:
            self._say(
                f"the index was made with another model ({self.vectors.model or 'unknown'}); "
                f"{counted(len(missing), 'text')} are embedded again"
            )
        vectors = vectors.without_unused(set(self.contents.keys))
        self.vectors = vectors
        path = self.folder / VECTORS_FILE
        save = lambda: self._keep(lambda: vectors.save(path))  # noqa: E731
        embed_texts(vectors, missing, self.encoder, save, report)

    def _scan(self, roots: Sequence[Path | str], report: Report) -> tuple[Contents, Changes]:
        return scan(self.contents, roots, self._division(), report)

    def _division(self) -> Division | None:
        """Divide files so that the encoder reads each piece to its end."""
        encoder = self.encoder
        if encoder is None:
            return None
        digest = hashlib.sha256(encoder.fingerprint.encode()).digest()
        most = encoder.max_tokens

        def fits(texts: list[str]) -> list[bool]:
            return [n <= most for n in encoder.count_tokens(texts)]

        return Division(int.from_bytes(digest[:7]), most * _CHARACTERS_PER_TOKEN, fits)

    def _read(self) -> None:
        """Read both files; what is damaged is left out, and said. Vectors need an encoder."""
        self._read_signature = self._signature()
        for name in (CONTENTS_FILE, VECTORS_FILE):
            path = self.folder / name
            if not path.exists() or (name == VECTORS_FILE and self.encoder is None):
                continue
            try:
                if name == CONTENTS_FILE:
                    self.contents = Contents.read(path)
                else:
                    self.vectors = Vectors.read(path)
            except UserError as error:
                self._say(f"{error}; it is computed again")

    def _signature(self) -> list[tuple[int, int] | None]:
        """Return what changes when another process replaces a file of the index."""
        found: list[tuple[int, int] | None] = []
        for name in (CONTENTS_FILE, VECTORS_FILE):
            try:
                status = os.stat(self.folder / name)
                found.append((status.st_ino, status.st_mtime_ns))
            except OSError:
                found.append(None)
        return found

    def _keep(self, save: Callable[[], None]) -> None:
        """Save something, or say once that the index cannot be kept."""
        if not self._is_kept:
            return
        try:
            save()
            self._read_signature = self._signature()
        except UserError as error:
            self._is_kept = False
            self._say(f"the index is not kept for later searches: {error}")

    def _say(self, line: str) -> None:
        if line not in self._said:
            self._said.add(line)
            self._tell_user(line)

    @contextlib.contextmanager
    def _locked(self, report: Report) -> Iterator[None]:
        """Lock the index; if its folder cannot be written, go without."""
        from filelock import FileLock, Timeout

        lock = FileLock(self.folder / LOCK_FILE)
        try:
            try:
                make_folder(self.folder)
                try:
                    lock.acquire(timeout=0)
                except Timeout:
                    report("waiting for another process", 0, 0)
                    lock.acquire()
            except OSError as error:
                raise cannot_write(self.folder, error) from error
        except UserError as error:
            self._is_kept = False
            self._say(f"the index is not kept for later searches: {error}")
        try:
            yield
        finally:
            lock.release()


def _warn(line: str) -> None:
    warnings.warn(line, stacklevel=3)


def _report_nothing(what: str, done: int, total: int) -> None:
    pass
