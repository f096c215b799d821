"""Preparation of a corpus: tokenize text into shards with a manifest, in constant memory."""

import contextlib
import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.files import cannot_write, remove_leftovers
from scratchgpt.special_ids import NAMES_FILE
from scratchgpt.text.corpora.checksums import remembered_checksums
from scratchgpt.text.corpora.corpora import find_documents
from scratchgpt.text.corpora.corpus_reader import CorpusReader, ProgressCallback
from scratchgpt.text.corpora.documents import Document
from scratchgpt.text.corpora.prepared import (
    FORMAT_VERSION,
    MANIFEST_FILE,
    PROGRESS_FILE,
    Manifest,
    PreparedCorpus,
    acquire_lock,
    cache_directory,
    corpora_directory,
    open_prepared,
    read_manifest,
    write_manifest,
)
from scratchgpt.text.corpora.reuse import check_same, find_prepared
from scratchgpt.text.corpora.shards import SHARD_TOKENS, shard_path, token_dtype, write_shard
from scratchgpt.text.corpora.state import State, load_state
from scratchgpt.text.corpora.tokenizer_choice import UntrainedTokenizer, choose_tokenizer
from scratchgpt.text.tokenizers.loading import load_tokenizer
from scratchgpt.text.tokenizers.tokenizer import TOKENIZER_FILE, Tokenizer


def prepare(
    words: Sequence[str],
    tokenizer: str | Tokenizer | None = None,
    *,
    directory: Path | str | None = None,
    val_fraction: float | None = None,
    progress: ProgressCallback | None = None,
    overwrite: bool = True,
) -> PreparedCorpus:
    """Tokenize a corpus into shards, unless this has been done already.

    Memory does not grow with the size of the corpus, unless the tokenizer has no ``cuts``: then a
    document is encoded as a whole. An interrupted preparation, even by SIGKILL,
    resumes after the last complete shard and produces the same files. A prepared corpus that has
    not changed is not prepared again. If two processes prepare a corpus in the same folder, one
    waits for the other, and each gets the tokens of its own text.

    The tokens of a document are those of ``tokenizer.encode``. Documents are concatenated. If the
    tokenizer has an ``end_of_text`` token, it follows each document.

    Parameters
    ----------
    words : sequence of str
        See :func:`scratchgpt.text.find_documents`. The folder of a prepared corpus is opened.
    tokenizer : str or Tokenizer, optional
        ``characters`` (the default) or ``bpe:SIZE`` (trained on the corpus), ``bytes``, the path of
        a ``tokenizer.json``, or a tokenizer. A prepared corpus refuses one that is not its own.
    directory : path, optional
        The folder for the shards; by default a folder of the cache.
    val_fraction : float, optional
        The fraction of tokens at the end of the corpus that is held out for validation, by default
        0.1. A prepared corpus refuses one that is not its own.
    progress : callable, optional
        Called with (stage, bytes done, total bytes).
    overwrite : bool
        Whether to replace another prepared corpus in the folder.

    Raises
    ------
    UserError
        If the corpus does not exist, is empty or not UTF-8, or has a character that is not in the
        vocabulary, if a document is too long to be encoded as a whole, or if the folder cannot be
        written or has other content.
    """
    if directory is None and (prepared := find_prepared(words)) is not None:
        check_same(prepared, tokenizer, val_fraction)
        return prepared
    val_fraction = 0.1 if val_fraction is None else val_fraction
    if not 0 < val_fraction < 1:
        raise UserError(f"val_fraction={val_fraction} must be between 0 and 1")
    choice = choose_tokenizer("characters" if tokenizer is None else tokenizer)
    documents = find_documents(words, cache_directory())
    key = _key(documents, choice, val_fraction)
    directory = corpora_directory() / key if directory is None else Path(directory)
    with contextlib.suppress(UserError):  # the lock says what is wrong, and waits for others
        if (prepared := _open_if_done(directory, key)) is not None:
            return prepared
    report = progress or (lambda what, done, total: None)
    lock = acquire_lock(directory, report)
    try:
        prepared = _open_if_done(directory, key)
        if prepared is None:
            if (directory / MANIFEST_FILE).exists() and not overwrite:
                read_manifest(directory)
                raise UserError(
                    f"{directory} already contains another corpus; choose another folder"
                )
            _Preparation(documents, choice, key, directory, val_fraction, report).run()
            prepared = open_prepared(directory)
    except OSError as error:
        raise cannot_write(directory, error) from error
    finally:
        lock.release()
    return prepared


class _Preparation:
    """The preparation of a corpus from its start, or from the point of an interruption."""

    def __init__(
        self,
        documents: list[Document],
        choice: Tokenizer | UntrainedTokenizer,
        key: str,
        directory: Path,
        val_fraction: float,
        report: ProgressCallback,
    ) -> None:
        self.documents = documents
        self.choice = choice
        self.directory = directory
        self.val_fraction = val_fraction
        self.reader = CorpusReader(documents, report)
        self.state = self._last_state(key)

    def run(self) -> None:
        """Write the missing shards, then the manifest."""
        tokenizer = self._tokenizer()
        dtype = token_dtype(tokenizer.vocab_size)
        waiting: list[Array] = []
        n_waiting = 0
        for document, piece, tokens in self._encoded(tokenizer):
            is_next = (document, piece) == (self.state.document, self.state.piece)
            first = self.state.token if is_next else 0
            while n_waiting + len(tokens) - first >= SHARD_TOKENS:
                end = first + SHARD_TOKENS - n_waiting
                waiting.append(tokens[first:end].astype(dtype))
                self._write(waiting, document, piece, end)
                waiting, n_waiting, first = [], 0, end
            waiting.append(tokens[first:].astype(dtype))
            n_waiting += len(tokens) - first
        if n_waiting:
            self._write(waiting, len(self.documents), 0, 0)
        with remembered_checksums(cache_directory()) as checksums:
            for each in self.documents:
                each.check_unchanged(checksums)
        write_manifest(self._manifest(tokenizer, dtype), self.directory)
        (self.directory / PROGRESS_FILE).unlink()

    def _last_state(self, key: str) -> State:
        """Load the state of an interrupted preparation of the same corpus, or start a new one.

        The order of the steps matters, because this method can be interrupted too: it writes the
        progress file first, and removes the old manifest before any shard that it lists.
        """
        if not (self.directory / PROGRESS_FILE).exists():
            self._check_directory()
        state = load_state(self.directory, key)
        state.save(self.directory)
        (self.directory / MANIFEST_FILE).unlink(missing_ok=True)
        if state.tokenizer is None:  # of the last corpus
            (self.directory / NAMES_FILE).unlink(missing_ok=True)
        wanted = {shard_path(self.directory, i) for i in range(len(state.lengths))}
        for file in self.directory.glob("shard-*.bin"):
            if file not in wanted:
                file.unlink()
        remove_leftovers(self.directory)
        return state

    def _check_directory(self) -> None:
        """Raise UserError if the folder holds other files, which must not be overwritten."""
        names = [p.name for p in self.directory.iterdir() if not p.name.startswith(".")]
        if MANIFEST_FILE in names:
            read_manifest(self.directory)
        elif names:
            raise UserError(
                f"{self.directory} contains other files ({min(names)}); choose an empty folder for "
                "the prepared corpus"
            )

    def _write(self, waiting: list[Array], document: int, piece: int, token: int) -> None:
        """Write a shard, and save this position as the start of the next shard."""
        tokens = np.concatenate(waiting)
        self.state.sha256.append(write_shard(self.directory, len(self.state.lengths), tokens))
        self.state.lengths.append(len(tokens))
        self.state.document, self.state.piece, self.state.token = document, piece, token
        self.state.save(self.directory)

    def _encoded(self, tokenizer: Tokenizer) -> Iterator[tuple[int, int, Array]]:
        """Yield (document, piece, tokens), starting at the position of the state."""
        first = (self.state.document, self.state.piece)
        for index in range(first[0], len(self.documents)):
            n_pieces = 0
            for text in self.reader.pieces(index, "encoding", tokenizer.cuts):
                if (index, n_pieces) >= first:
                    yield index, n_pieces, self._encode(tokenizer, index, n_pieces, text)
                n_pieces += 1
            if n_pieces and tokenizer.end_of_text is not None:
                yield index, n_pieces, np.array([tokenizer.end_of_text])

    def _encode(self, tokenizer: Tokenizer, index: int, piece: int, text: str) -> Array:
        try:
            return tokenizer.encode_next(text) if piece else tokenizer.encode(text)
        except UserError as error:
            raise UserError(f"{self.documents[index]}: {error}") from error

    def _tokenizer(self) -> Tokenizer:
        """Load or train the tokenizer, and save it in the folder of the shards."""
        path = self.directory / TOKENIZER_FILE
        if self.state.tokenizer is not None:
            tokenizer = load_tokenizer(path)
            if tokenizer.fingerprint == self.state.tokenizer:
                return tokenizer
            raise UserError(
                f"{path} has changed since this preparation was interrupted; remove "
                f"{self.directory} and prepare the corpus again"
            )
        if isinstance(self.choice, UntrainedTokenizer):
            tokenizer = self.choice.train(self.reader)
        else:
            tokenizer = self.choice
        tokenizer.save(path)
        self.state.tokenizer = tokenizer.fingerprint
        self.state.save(self.directory)
        return tokenizer

    def _manifest(self, tokenizer: Tokenizer, dtype: np.dtype) -> Manifest:
        return Manifest(
            key=self.state.key,
            tokenizer={
                "kind": tokenizer.kind,
                "vocab_size": tokenizer.vocab_size,
                "fingerprint": tokenizer.fingerprint,
            },
            dtype=dtype.str,
            lengths=self.state.lengths,
            sha256=self.state.sha256,
            n_bytes=self.reader.n_bytes,
            n_train=int((1 - self.val_fraction) * sum(self.state.lengths)),
            val_fraction=self.val_fraction,
            documents=[{"name": str(d), "identity": d.identity} for d in self.documents],
        )


def _key(
    documents: list[Document], choice: Tokenizer | UntrainedTokenizer, val_fraction: float
) -> str:
    """Hash everything that determines the content of the shards."""
    tokenizer = choice.spec if isinstance(choice, UntrainedTokenizer) else choice.fingerprint
    content: list[Any] = [FORMAT_VERSION, SHARD_TOKENS, val_fraction, tokenizer]
    content += [document.identity for document in documents]
    # The same words were tokenized in another way by earlier versions.
    content += ["no marks"] if any(document.has_mark for document in documents) else []
    content += ["safe cuts"] if choice.kind == "bpe" else []
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]


def _open_if_done(directory: Path, key: str) -> PreparedCorpus | None:
    """Open the prepared corpus in the folder if it has this key."""
    try:
        if read_manifest(directory).key != key:
            return None
    except UserError:
        return None  # it is missing, or the preparation says what is wrong
    prepared = open_prepared(directory)
    return prepared if prepared.manifest.key == key else None  # another process may replace it
