"""What a tokenizer is: text to token ids and back, and a file that the rest of the world reads."""

import hashlib
import json
from abc import ABC, abstractmethod
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.files import write_text

TOKENIZER_FILE = "tokenizer.json"


class Tokenizer(ABC):
    """Text to token ids and back.

    Every token stands for a string of bytes, and a text is what its tokens' bytes spell in UTF-8.
    A byte-level token may be a part of a character, so one token alone need not be text.

    Attributes
    ----------
    kind : str
        ``"characters"``, ``"bytes"`` or ``"bpe"``.
    vocab_size : int
    end_of_text : int or None
        The token that stands between documents, where the vocabulary has one. It has no bytes.
    """

    kind: str
    vocab_size: int
    end_of_text: int | None = None

    @abstractmethod
    def encode(self, text: str) -> Array:
        """Token ids, an int64 array (n,).

        Raises
        ------
        UserError
            If the vocabulary cannot spell the text.
        """

    @abstractmethod
    def token_bytes(self, token: int) -> bytes:
        """The bytes that one token stands for."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """The content of ``tokenizer.json``, in the format of the ``tokenizers`` library."""

    def decode(self, tokens: Array) -> str:
        """The text that tokens spell; bytes that are not UTF-8 become U+FFFD."""
        return b"".join(self.token_bytes(int(t)) for t in tokens).decode("utf-8", "replace")

    def n_bytes(self, tokens: Array) -> int:
        """How many bytes of text tokens stand for."""
        return int(self._byte_lengths[tokens].sum())

    def save(self, path: Path | str) -> None:
        """Write ``tokenizer.json``, whole or not at all."""
        text = json.dumps(self.to_json(), ensure_ascii=False, indent=1)
        write_text(Path(path), text + "\n")

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the vocabulary: equal for tokenizers that give the same ids."""
        text = json.dumps(self.to_json(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    @cached_property
    def _byte_lengths(self) -> Array:
        return np.array([len(self.token_bytes(t)) for t in range(self.vocab_size)], np.int64)


def base_json(**parts: Any) -> dict[str, Any]:
    """A ``tokenizer.json`` with the parts that all of ours leave empty."""
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": None,
        "post_processor": None,
        "decoder": None,
        **parts,
    }


def load_tokenizer(path: Path | str) -> Tokenizer:
    """The tokenizer of a ``tokenizer.json``, or of a model directory that holds one.

    Raises
    ------
    UserError
        If there is none, it is damaged, or it is of a kind that scratchgpt does not know.
    """
    from scratchgpt.text.bpe import BPETokenizer
    from scratchgpt.text.byte_level import ByteTokenizer
    from scratchgpt.text.characters import CharacterTokenizer

    path = Path(path)
    if path.is_dir():
        path = path / TOKENIZER_FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"there is no tokenizer at {path}") from None
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read the tokenizer {path}: {error}") from error
    try:
        for kind in (CharacterTokenizer, ByteTokenizer, BPETokenizer):
            tokenizer = kind.from_json(content)
            if tokenizer is not None:
                return tokenizer
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(f"the tokenizer {path} is damaged: {error!r}") from error
    raise UserError(
        f"{path} is a tokenizer of a kind that scratchgpt does not know; "
        "it reads characters, bytes and byte-level BPE"
    )
