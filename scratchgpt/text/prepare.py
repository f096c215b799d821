"""A corpus, prepared once: from text to token shards with a manifest, in constant memory."""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.files import cannot_write, write_text
from scratchgpt.text.bpe import train_bpe
from scratchgpt.text.byte_level import ByteTokenizer
from scratchgpt.text.characters import CharacterTokenizer
from scratchgpt.text.corpora import Document, find_documents
from scratchgpt.text.shards import (
    SHARD_TOKENS,
    TokenStream,
    open_shards,
    shard_path,
    token_dtype,
    write_shard,
)
from scratchgpt.text.tokenizer import TOKENIZER_FILE, Tokenizer, load_tokenizer

MANIFEST_FILE = "manifest.json"
PROGRESS_FILE = "progress.json"
FORMAT_VERSION = 1
CACHE_VARIABLE = "SCRATCHGPT_CACHE"

# A text without any white space would otherwise have to be held in memory whole.
LONGEST_PIECE = 1 << 22

# (what is being done, bytes of text done, bytes in all)
ProgressCallback = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Manifest:
    """What is in a folder of token shards.

    Attributes
    ----------
    key : str
        A hash of what the shards were made from: documents, tokenizer and split.
    tokenizer : dict
        Its kind, vocab_size and fingerprint.
    dtype : str
    lengths : list of int
        Tokens in each shard.
    sha256 : list of str
        Checksum of each shard.
    n_train : int
        Tokens before this one train, the others validate.
    val_fraction : float
    documents : list of dict
        Path and identity of each.
    format_version : int
    """

    key: str
    tokenizer: dict[str, Any]
    dtype: str
    lengths: list[int]
    sha256: list[str]
    n_train: int
    val_fraction: float
    documents: list[dict[str, str]]
    format_version: int = FORMAT_VERSION

    @property
    def n_tokens(self) -> int:
        return sum(self.lengths)


@dataclass(frozen=True)
class PreparedCorpus:
    """A corpus that is ready to train on.

    Attributes
    ----------
    train, val : TokenStream
    tokenizer : Tokenizer
    manifest : Manifest
    directory : Path
    """

    train: TokenStream
    val: TokenStream
    tokenizer: Tokenizer
    manifest: Manifest
    directory: Path

    @property
    def fingerprint(self) -> str:
        """A hash of the tokens and their split, wherever they came from."""
        content = [*self.manifest.sha256, self.manifest.n_train]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()


@dataclass
class _Progress:
    """How far a preparation got: what comes next, and what is on disk."""

    key: str
    document: int = 0
    piece: int = 0
    token: int = 0  # of the piece
    lengths: list[int] = field(default_factory=list)
    sha256: list[str] = field(default_factory=list)


def cache_directory() -> Path:
    """Where prepared corpora and downloads are kept: SCRATCHGPT_CACHE, or the user's cache."""
    if folder := os.environ.get(CACHE_VARIABLE):
        return Path(folder)
    import pooch

    return Path(pooch.os_cache("scratchgpt"))


def prepare(
    words: Sequence[str],
    tokenizer: str = "characters",
    *,
    directory: Path | str | None = None,
    val_fraction: float = 0.1,
    progress: ProgressCallback | None = None,
) -> PreparedCorpus:
    """Tokenize a corpus into shards, or find it done.

    Memory does not grow with the corpus. What was interrupted, even by SIGKILL, goes on from the
    last whole shard and gives the same files; what is done and unchanged is not done again.

    Parameters
    ----------
    words : sequence of str
        See :func:`scratchgpt.text.find_documents`.
    tokenizer : str
        ``characters``, ``bytes``, ``bpe:SIZE`` (the first and the last learnt from the corpus), or
        the path of a ``tokenizer.json``.
    directory : path, optional
        Where the shards go; by default a folder of the cache.
    val_fraction : float
        The last part of the tokens, kept for validation.
    progress : callable, optional
        Called with (what is being done, bytes done, bytes in all).

    Raises
    ------
    UserError
        If there is no such corpus, it is empty or not UTF-8, a character is not in the
        vocabulary, or the folder cannot be written.
    """
    from filelock import FileLock

    if not 0 < val_fraction < 1:
        raise UserError(f"val_fraction={val_fraction} must be between 0 and 1")
    cache = cache_directory()
    documents = find_documents(words, cache)
    key = _key(documents, tokenizer, val_fraction)
    directory = cache / "corpora" / key if directory is None else Path(directory)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = FileLock(directory / ".lock")
        lock.acquire()
    except OSError as error:
        raise cannot_write(directory, error) from error
    try:
        if _key_of_manifest(directory) != key:
            _Preparation(documents, tokenizer, key, directory, val_fraction, progress).run()
    finally:
        lock.release()
    return open_prepared(directory)


def open_prepared(directory: Path | str) -> PreparedCorpus:
    """Open a corpus that :func:`prepare` made; reads no tokens.

    Raises
    ------
    UserError
        If there is none, or its files are not what the manifest says.
    """
    directory = Path(directory)
    path = directory / MANIFEST_FILE
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if values["format_version"] != FORMAT_VERSION:
            raise UserError(f"{path} is of another version; prepare the corpus again")
        manifest = Manifest(**values)
    except FileNotFoundError:
        raise UserError(
            f"{directory} is not a prepared corpus; make one with `scratchgpt data prepare`"
        ) from None
    except (OSError, TypeError, KeyError, json.JSONDecodeError) as error:
        raise UserError(
            f"{path} is damaged: {error}; remove {directory} and prepare the corpus again"
        ) from error
    tokenizer = load_tokenizer(directory)
    if tokenizer.fingerprint != manifest.tokenizer["fingerprint"]:
        raise UserError(
            f"{directory / TOKENIZER_FILE} is not the tokenizer that the shards beside it were "
            f"made with; remove {directory} and prepare the corpus again"
        )
    stream = open_shards(directory, np.dtype(manifest.dtype), manifest.lengths)
    return PreparedCorpus(
        train=stream.slice(0, manifest.n_train),
        val=stream.slice(manifest.n_train, len(stream)),
        tokenizer=tokenizer,
        manifest=manifest,
        directory=directory,
    )


class _Preparation:
    """One pass over a corpus that has not been prepared yet, or not to its end."""

    def __init__(
        self,
        documents: list[Document],
        tokenizer: str,
        key: str,
        directory: Path,
        val_fraction: float,
        progress: ProgressCallback | None,
    ) -> None:
        self.documents = documents
        self.tokenizer_spec = tokenizer
        self.directory = directory
        self.val_fraction = val_fraction
        self.report = progress or (lambda what, done, total: None)
        self.sizes = [document.path.stat().st_size for document in documents]
        self.state = self._last_state(key)

    def run(self) -> None:
        """Write the shards that are missing, then the manifest."""
        tokenizer = self._tokenizer()
        dtype = token_dtype(tokenizer.vocab_size)
        waiting: list[Array] = []
        n_waiting = 0
        for document, piece, tokens in self._encoded(tokenizer):
            first = self.state.token if self._is_next(document, piece) else 0
            while n_waiting + len(tokens) - first >= SHARD_TOKENS:
                end = first + SHARD_TOKENS - n_waiting
                waiting.append(tokens[first:end].astype(dtype))
                self._write(waiting, document, piece, end)
                waiting, n_waiting, first = [], 0, end
            waiting.append(tokens[first:].astype(dtype))
            n_waiting += len(tokens) - first
        if n_waiting:
            self._write(waiting, len(self.documents), 0, 0)
        n_tokens = sum(self.state.lengths)
        if n_tokens == 0:
            raise UserError(
                f"the corpus is empty: there is no text in {self.documents[0].path}"
                f"{' and the other files' if len(self.documents) > 1 else ''}"
            )
        manifest = Manifest(
            key=self.state.key,
            tokenizer={
                "kind": tokenizer.kind,
                "vocab_size": tokenizer.vocab_size,
                "fingerprint": tokenizer.fingerprint,
            },
            dtype=dtype.str,
            lengths=self.state.lengths,
            sha256=self.state.sha256,
            n_train=int((1 - self.val_fraction) * n_tokens),
            val_fraction=self.val_fraction,
            documents=[{"path": str(d.path), "identity": d.identity} for d in self.documents],
        )
        write_text(self.directory / MANIFEST_FILE, json.dumps(asdict(manifest), indent=1) + "\n")
        (self.directory / PROGRESS_FILE).unlink(missing_ok=True)

    def _last_state(self, key: str) -> _Progress:
        """Where an interrupted preparation of the same corpus stopped, or the beginning."""
        try:
            state = _Progress(**json.loads((self.directory / PROGRESS_FILE).read_text("utf-8")))
            if state.key == key:
                return state
        except (OSError, ValueError, TypeError):
            pass
        for name in (MANIFEST_FILE, PROGRESS_FILE, TOKENIZER_FILE):
            (self.directory / name).unlink(missing_ok=True)
        index = 0
        while (path := shard_path(self.directory, index)).exists():
            path.unlink()
            index += 1
        return _Progress(key)

    def _save_state(self) -> None:
        write_text(self.directory / PROGRESS_FILE, json.dumps(asdict(self.state)))

    def _write(self, waiting: list[Array], document: int, piece: int, token: int) -> None:
        """Write a shard, and that the next one begins at this token of this piece."""
        tokens = np.concatenate(waiting)
        self.state.sha256.append(write_shard(self.directory, len(self.state.lengths), tokens))
        self.state.lengths.append(len(tokens))
        self.state.document, self.state.piece, self.state.token = document, piece, token
        self._save_state()

    def _is_next(self, document: int, piece: int) -> bool:
        return (document, piece) == (self.state.document, self.state.piece)

    def _encoded(self, tokenizer: Tokenizer) -> Iterator[tuple[int, int, Array]]:
        """(document, piece, tokens) from where the state stands."""
        end = [] if tokenizer.end_of_text is None else [tokenizer.end_of_text]
        first = (self.state.document, self.state.piece)
        for index, document in enumerate(self.documents):
            done = sum(self.sizes[:index])
            if index < first[0]:
                continue
            piece = -1
            for piece, text in enumerate(_pieces(document.blocks())):
                done += len(text.encode("utf-8"))
                if (index, piece) >= first:
                    yield index, piece, self._encode(tokenizer, document, text)
                    self.report("encoding", done, sum(self.sizes))
            if piece >= 0 and end and (index, piece + 1) >= first:
                yield index, piece + 1, np.array(end, np.int64)

    def _encode(self, tokenizer: Tokenizer, document: Document, text: str) -> Array:
        try:
            return tokenizer.encode(text)
        except UserError as error:
            raise UserError(f"{document.path}: {error}") from error

    def _tokenizer(self) -> Tokenizer:
        """The tokenizer, learnt from the corpus where it has to be; kept beside the shards."""
        path = self.directory / TOKENIZER_FILE
        if path.exists():  # an interrupted preparation got at least this far
            return load_tokenizer(path)
        kind, _, size = self.tokenizer_spec.partition(":")
        tokenizer: Tokenizer
        if self.tokenizer_spec == "bytes":
            tokenizer = ByteTokenizer()
        elif self.tokenizer_spec == "characters":
            alphabet: set[str] = set()
            for text in self._all_text("collecting characters"):
                alphabet.update(text)
            if not alphabet:
                raise UserError(
                    f"the corpus is empty: there is no text in {self.documents[0].path}"
                )
            tokenizer = CharacterTokenizer(alphabet)
        elif kind == "bpe":
            tokenizer = train_bpe(self._all_text("training the tokenizer"), _bpe_size(size))
        else:
            tokenizer = load_tokenizer(self.tokenizer_spec)
        tokenizer.save(path)
        self._save_state()
        return tokenizer

    def _all_text(self, what: str) -> Iterator[str]:
        done = 0
        for document in self.documents:
            for text in _pieces(document.blocks()):
                done += len(text.encode("utf-8"))
                yield text
                self.report(what, done, sum(self.sizes))


def check_tokenizer_spec(spec: str) -> None:
    """Refuse what names no tokenizer, before any work is done."""
    kind, colon, size = spec.partition(":")
    if kind == "bpe" and (colon or not Path(spec).exists()):
        _bpe_size(size)
    elif spec not in ("characters", "bytes") and not Path(spec).exists():
        raise UserError(
            f"tokenizer={spec!r} is not characters, bytes, bpe:SIZE or the path of a tokenizer.json"
        )


def _bpe_size(size: str) -> int:
    if not size.isdecimal():
        raise UserError(f"tokenizer='bpe:{size}' needs a number of tokens; for example bpe:4096")
    return int(size)


def _pieces(blocks: Iterator[str]) -> Iterator[str]:
    """The same text, cut before white space only, so that no tokenizer sees half a word."""
    held = ""
    for block in blocks:
        held += block
        cut = _last_word_end(held)
        if cut == 0 and len(held) >= LONGEST_PIECE:
            cut = len(held)
        if cut:
            yield held[:cut]
            held = held[cut:]
    if held:
        yield held


def _last_word_end(text: str) -> int:
    """The last place with a letter before it and white space after it; 0 where there is none."""
    for cut in range(len(text) - 1, 0, -1):
        if text[cut] in " \n" and not text[cut - 1].isspace():
            return cut
    return 0


def _key(documents: list[Document], tokenizer: str, val_fraction: float) -> str:
    """What the content of the shards depends on, as a hash."""
    check_tokenizer_spec(tokenizer)
    path = Path(tokenizer)
    content: list[Any] = [FORMAT_VERSION, SHARD_TOKENS, val_fraction]
    content.append(load_tokenizer(path).fingerprint if path.exists() else tokenizer)
    content += [[str(document.path), document.identity] for document in documents]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]


def _key_of_manifest(directory: Path) -> str | None:
    try:
        return json.loads((directory / MANIFEST_FILE).read_text(encoding="utf-8"))["key"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
