"""A prepared corpus: token shards, their tokenizer and a manifest."""

import contextlib
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scratchgpt.errors import UserError, counted
from scratchgpt.files import cannot_write, write_text
from scratchgpt.structured import read_json, to_record
from scratchgpt.text.cache import cache_directory
from scratchgpt.text.corpora.shards import TokenStream, open_shards, shard_path
from scratchgpt.text.tokenizers.loading import load_tokenizer
from scratchgpt.text.tokenizers.tokenizer import TOKENIZER_FILE, Tokenizer

if TYPE_CHECKING:
    from filelock import FileLock

MANIFEST_FILE = "manifest.json"
LOCK_FILE = ".lock"
PROGRESS_FILE = "preparation.json"  # exists until the corpus is complete
FORMAT_VERSION = 1


@dataclass(frozen=True)
class Manifest:
    """The description of a folder of token shards.

    Attributes
    ----------
    key : str
        A hash of the documents, the tokenizer and the split.
    tokenizer : dict
        Kind, vocab_size and fingerprint of the tokenizer.
    dtype : str
        ``"|u1"``, ``"<u2"`` or ``"<u4"``.
    lengths : list of int
        Number of tokens in each shard.
    sha256 : list of str
        Checksum of each shard.
    n_bytes : int
        Size of the text in bytes.
    n_train : int
        Number of training tokens; the tokens after them are for validation.
    val_fraction : float
    documents : list of dict
        Name and identity of each document.
    format_version : int
    """

    key: str
    tokenizer: dict[str, Any]
    dtype: str
    lengths: list[int]
    sha256: list[str]
    n_bytes: int
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
    tokens : TokenStream
        The whole corpus.
    train, val : TokenStream
        The training part and the validation part.
    tokenizer : Tokenizer
    manifest : Manifest
    directory : Path
    """

    tokens: TokenStream
    train: TokenStream
    val: TokenStream
    tokenizer: Tokenizer
    manifest: Manifest
    directory: Path

    @property
    def fingerprint(self) -> str:
        """A hash of the tokens and their split, independent of their source."""
        content = [*self.manifest.sha256, self.manifest.n_train]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def corpora_directory() -> Path:
    """Return the folder of the cache that contains a folder for each prepared corpus."""
    return cache_directory() / "corpora"


def prepared_in_cache() -> list[tuple[Path, Manifest]]:
    """List the folder and the manifest of each prepared corpus in the cache, newest first."""
    found = []
    for path in corpora_directory().glob(f"*/{MANIFEST_FILE}"):
        with contextlib.suppress(UserError, OSError):  # skip damaged or just removed corpora
            found.append((path.stat().st_mtime_ns, path.parent, read_manifest(path.parent)))
    found.sort(key=lambda entry: (-entry[0], entry[1]))
    return [(directory, manifest) for _, directory, manifest in found]


def is_prepared(directory: Path) -> bool:
    """Whether a folder holds a prepared corpus, perhaps an incomplete or a damaged one."""
    for name in (MANIFEST_FILE, PROGRESS_FILE):
        with contextlib.suppress(OSError, ValueError):
            values = read_json(directory / name)
            if isinstance(values, dict) and {"key", "lengths", "sha256"} <= values.keys():
                return True
    return (directory / TOKENIZER_FILE).exists() and shard_path(directory, 0).exists()


def is_part_of_prepared(path: Path) -> bool:
    """Whether a file belongs to a prepared corpus, so that its content is not a user's text."""
    names = (MANIFEST_FILE, PROGRESS_FILE, TOKENIZER_FILE)
    is_candidate = path.name in names or fnmatch(path.name, "shard-*.bin")
    return is_candidate and is_prepared(path.parent)


def write_manifest(manifest: Manifest, directory: Path) -> None:
    """Write ``manifest.json``; its presence marks the corpus as complete."""
    write_text(directory / MANIFEST_FILE, json.dumps(asdict(manifest), indent=1) + "\n")


def read_manifest(directory: Path) -> Manifest:
    """Read the manifest of a prepared corpus.

    Raises
    ------
    UserError
        If the manifest is missing, damaged, or has a different format version.
    """
    path = directory / MANIFEST_FILE
    again = f"remove {directory} and prepare the corpus again"
    if not os.path.exists(path):
        raise UserError(
            f"{directory} is not a prepared corpus; make one with `scratchgpt data prepare`"
        )
    try:
        values = read_json(path)
    except (UserError, OSError) as error:
        reason = str(error).replace(str(path), "it", 1).removeprefix("it is damaged: ")
        raise UserError(f"{path} is damaged: {reason}; {again}") from error
    if not isinstance(values, dict) or "format_version" not in values:  # another program's manifest
        raise UserError(f"{path} is not the manifest of a prepared corpus; choose another folder")
    if values["format_version"] != FORMAT_VERSION:
        raise UserError(
            f"{path} has format version {values['format_version']}, but this scratchgpt reads "
            f"version {FORMAT_VERSION}; {again}"
        )
    try:
        manifest = to_record(Manifest, values, str(path))
    except UserError as error:
        raise UserError(f"{error}; {again}") from error
    if reason := _why_impossible(manifest):
        raise UserError(f"{path} is damaged: {reason}; {again}")
    return manifest


def _why_impossible(manifest: Manifest) -> str:
    """Return what is wrong with the values of a manifest, or ""."""
    own = manifest.tokenizer
    if not isinstance(own.get("kind"), str) or not isinstance(own.get("fingerprint"), str):
        return "the kind or the fingerprint of the tokenizer is not a string"
    if type(own.get("vocab_size")) is not int:
        return "the size of the vocabulary is not an integer"
    if manifest.dtype not in ("|u1", "<u2", "<u4"):
        return f"dtype is {manifest.dtype!r}"
    if not manifest.lengths or min(manifest.lengths) < 1:
        return "a shard has no tokens"
    if len(manifest.sha256) != len(manifest.lengths):
        n_shards = counted(len(manifest.lengths), "shard")
        return f"it has {counted(len(manifest.sha256), 'checksum')} for {n_shards}"
    if manifest.n_bytes < 0 or not 0 < manifest.val_fraction < 1:
        return f"n_bytes is {manifest.n_bytes} and val_fraction is {manifest.val_fraction}"
    if not 0 <= manifest.n_train <= manifest.n_tokens:
        return f"n_train is {manifest.n_train} of {counted(manifest.n_tokens, 'token')}"
    if not manifest.documents:
        return "it has no documents"
    if any(not {"name", "identity"} <= document.keys() for document in manifest.documents):
        return "a document has no name or no identity"
    return ""


def open_prepared(directory: Path | str) -> PreparedCorpus:
    """Open a corpus prepared by :func:`scratchgpt.text.prepare`, without reading its tokens.

    Its shards are compared with their checksums when they are opened for the first time, and after
    each change.

    Raises
    ------
    UserError
        If the folder is not a prepared corpus, or its files do not match the manifest.
    """
    directory = Path(directory)
    manifest = read_manifest(directory)
    tokenizer = load_tokenizer(directory)
    if tokenizer.fingerprint != manifest.tokenizer["fingerprint"]:
        raise UserError(
            f"{directory / TOKENIZER_FILE} is not the tokenizer of the shards in this folder; "
            f"remove {directory} and prepare the corpus again"
        )
    tokens = open_shards(
        directory,
        np.dtype(manifest.dtype),
        manifest.lengths,
        sha256=manifest.sha256,
        vocab_size=tokenizer.vocab_size,
    )
    return PreparedCorpus(
        tokens=tokens,
        train=tokens.slice(0, manifest.n_train),
        val=tokens.slice(manifest.n_train, len(tokens)),
        tokenizer=tokenizer,
        manifest=manifest,
        directory=directory,
    )


def acquire_lock(directory: Path, report: Callable[[str, int, int], None]) -> "FileLock":
    """Create the folder and acquire its lock, waiting for another process if necessary."""
    from filelock import FileLock, Timeout

    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = FileLock(directory / LOCK_FILE)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            report("waiting for another process that prepares this corpus", 0, 0)
            lock.acquire()
    except OSError as error:
        raise cannot_write(directory, error) from error
    return lock
