"""What a tokenizer is: text to token ids and back, and a file that the rest of the world reads."""

import hashlib
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.files import write_text

TOKENIZER_FILE = "tokenizer.json"
END_OF_TEXT = "<|endoftext|>"
PADDING = "<|padding|>"


class Tokenizer(ABC):
    """Text to token ids and back.

    Every token stands for a string of bytes, and a text is what its tokens' bytes spell in UTF-8.
    A byte-level token may be a part of a character, so one token alone need not be text.

    Text is data: where the characters ``<|endoftext|>`` stand in a text, :meth:`encode` takes them
    for the characters that they are. The token of that name is put behind a document by
    :func:`scratchgpt.text.prepare`, and around sentences by those who translate. Others, as
    ``transformers``, read the name in a text as the token; so does :meth:`encode_marked`.

    Attributes
    ----------
    kind : str
        ``"characters"``, ``"bytes"`` or ``"bpe"``.
    vocab_size : int
        Ids are 0 to ``vocab_size - 1``.
    end_of_text : int or None
        The token that ends a document, where the vocabulary has one. It has no bytes.
    padding : int or None
        The token that fills up the shorter rows of a batch, likewise.
    """

    kind: str
    vocab_size: int
    end_of_text: int | None = None
    padding: int | None = None

    @abstractmethod
    def encode(self, text: str) -> Array:
        """Token ids, an int64 array (n,).

        Raises
        ------
        UserError
            If the vocabulary cannot spell the text; says which characters, and where.
        """

    def encode_all(self, texts: Sequence[str]) -> list[Array]:
        """The tokens of each of many texts, as :meth:`encode` gives them.

        Raises
        ------
        UserError
            If the vocabulary cannot spell one of them.
        """
        return [self.encode(text) for text in texts]

    def encode_marked(self, text: str) -> Array:
        """Token ids of a text in which the name of a special token is that token.

        These are the ids that ``transformers`` gives, whatever the text. They suit a text whose
        writer may say where it ends, as a prompt of one's own; not a corpus, nor what strangers
        send.

        Raises
        ------
        UserError
            As for :meth:`encode`.
        """
        ids = {END_OF_TEXT: self.end_of_text, PADDING: self.padding}
        names = [re.escape(name) for name, token in ids.items() if token is not None]
        if not names:
            return self.encode(text)
        parts = re.split(f"({'|'.join(names)})", text)  # texts, and between them names
        pieces = [
            np.array([ids[part]], np.int64) if i % 2 else self.encode(part)
            for i, part in enumerate(parts)
        ]
        return np.concatenate(pieces)

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """The content of ``tokenizer.json``, in the format of the ``tokenizers`` library."""

    @abstractmethod
    def _all_token_bytes(self) -> list[bytes]:
        """The bytes of each token, by id."""

    def token_bytes(self, token: int) -> bytes:
        """The bytes that one token stands for; none for a special token."""
        return self._token_bytes[self._checked([token])[0]]

    def ends_word(self, token: int) -> bool:
        """Whether a space that its bytes do not hold belongs between a token and the next."""
        return False

    def decode(self, tokens: Array | Sequence[int]) -> str:
        """The text that tokens spell; bytes that are not UTF-8 become U+FFFD.

        Raises
        ------
        UserError
            If there is no such token.
        """
        table = self._token_bytes
        return b"".join(table[t] for t in self._checked(tokens)).decode("utf-8", "replace")

    def n_bytes(self, tokens: Array | Sequence[int]) -> int:
        """How many bytes of text tokens stand for."""
        return int(self._byte_lengths[self._checked(tokens)].sum())

    def save(self, path: Path | str) -> None:
        """Write ``tokenizer.json``, whole or not at all."""
        text = json.dumps(self.to_json(), ensure_ascii=False, indent=1)
        write_text(Path(path), text + "\n")

    @cached_property
    def fingerprint(self) -> str:
        """A hash of ``tokenizer.json``: what was encoded with another does not fit."""
        text = json.dumps(self.to_json(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    @cached_property
    def _token_bytes(self) -> list[bytes]:
        return self._all_token_bytes()

    @cached_property
    def _byte_lengths(self) -> Array:
        return np.array([len(spelling) for spelling in self._token_bytes], np.int64)

    def _checked(self, tokens: Array | Sequence[int]) -> Array:
        """``tokens`` as an int64 array, all of them in the vocabulary."""
        ids = np.asarray(tokens, np.int64)
        outside = ids[(ids < 0) | (ids >= self.vocab_size)]
        if outside.size:
            raise UserError(
                f"there is no token {outside[0]}; this tokenizer has 0 to {self.vocab_size - 1}"
            )
        return ids


def to_utf8(text: str) -> bytes:
    """The bytes of a text.

    Raises
    ------
    UserError
        If it holds half of a surrogate pair (as a shell can hand over), which UTF-8 cannot say.
    """
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        code = ord(text[error.start])
        raise UserError(
            f"character {error.start} of the text is U+{code:04X}, half of a surrogate pair and "
            "not text; give the text as UTF-8"
        ) from None


def base_json(**parts: Any) -> dict[str, Any]:
    """A ``tokenizer.json`` with the parts that are not given left empty."""
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


def special_token(token: int, content: str) -> dict[str, Any]:
    """An entry of ``added_tokens``."""
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {"id": token, "content": content, **flags, "special": True}
