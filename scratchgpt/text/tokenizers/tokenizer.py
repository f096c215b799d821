"""The base class of tokenizers, with the file format of the ``tokenizers`` library."""

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
from scratchgpt.text.tokenizers.cuts import Cuts
from scratchgpt.text.tokenizers.decoders import BytesDecoder, TextDecoder

TOKENIZER_FILE = "tokenizer.json"
END_OF_TEXT = "<|endoftext|>"
PADDING = "<|padding|>"


class Tokenizer(ABC):
    """Convert text to token ids and back.

    Every token represents a string of bytes. The bytes of all tokens of a text, concatenated, are
    the text in UTF-8. A byte-level token can be a part of a character, so a single token is not
    always valid text.

    :meth:`encode` reads ``<|endoftext|>`` in a text as ordinary characters. The end-of-text token
    is added after each document by :func:`scratchgpt.text.prepare`, and around sentences in
    translation. Other libraries, such as ``transformers``, read the name in a text as the token;
    :meth:`encode_marked` does the same.

    Attributes
    ----------
    kind : str
        ``"characters"``, ``"bytes"`` or ``"bpe"``.
    vocab_size : int
        Token ids are 0 to ``vocab_size - 1``.
    end_of_text : int or None
        The token that ends a document, or None if the vocabulary has no such token. It has no
        bytes.
    padding : int or None
        The token that pads the shorter rows of a batch, or None. It has no bytes.
    cuts : tuple of patterns
        Where a long text can be cut without changing its tokens; see
        ``scratchgpt/text/tokenizers/cuts.py``. Empty if a text must be encoded as a whole.
    """

    kind: str
    vocab_size: int
    end_of_text: int | None = None
    padding: int | None = None
    cuts: Cuts = ()

    @abstractmethod
    def encode(self, text: str) -> Array:
        """Encode a text as token ids, an int64 array (n,).

        Raises
        ------
        UserError
            If the text has characters outside the vocabulary; the message names them and the first
            position.
        """

    def encode_all(self, texts: Sequence[str]) -> list[Array]:
        """Encode several texts; the result equals :meth:`encode` for each text.

        Raises
        ------
        UserError
            If a text has characters outside the vocabulary.
        """
        return [self.encode(text) for text in texts]

    def encode_prompt(self, text: str) -> Array:
        """Encode a text that a model continues, with the start token that its texts begin with.

        Only some tokenizers have one, such as those of Llama. In the text, names of special tokens
        are ordinary text.

        Raises
        ------
        UserError
            As in :meth:`encode`.
        """
        return self.encode(text)

    def encode_next(self, text: str) -> Array:
        """Encode a piece of a text that was cut at one of ``cuts``, except the first piece.

        Raises
        ------
        UserError
            As in :meth:`encode`.
        """
        return self.encode(text)

    def encode_marked(self, text: str) -> Array:
        """Encode a text, reading names of special tokens as the tokens.

        If ``tokenizer.json`` adds tokens around each text, such as a start token, they are
        included. The ids equal those of ``transformers.PreTrainedTokenizerFast`` for any text;
        its ``LlamaTokenizer`` does not follow all of ``tokenizer.json``. Use this method only for
        trusted text, such as your own prompt, because the text can contain an end of text. Do not
        use it for a corpus or for the input of other users.

        Raises
        ------
        UserError
            As in :meth:`encode`.
        """
        ids = {END_OF_TEXT: self.end_of_text, PADDING: self.padding}
        names = [re.escape(name) for name, token in ids.items() if token is not None]
        if not names:
            return self.encode(text)
        parts = re.split(f"({'|'.join(names)})", text)  # alternating texts and names
        pieces = [
            np.array([ids[part]], np.int64) if i % 2 else self.encode(part)
            for i, part in enumerate(parts)
        ]
        return np.concatenate(pieces)

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Return the content of ``tokenizer.json``, in the format of the ``tokenizers`` library."""

    @abstractmethod
    def _all_token_bytes(self) -> list[bytes]:
        """Return the bytes of each token, in the order of ids."""

    def token_bytes(self, token: int) -> bytes:
        """Return the bytes of one token; a special token has no bytes."""
        return self._token_bytes[self._checked([token])[0]]

    def ends_word(self, token: int) -> bool:
        """Whether a space follows the token that is not part of its bytes."""
        return False

    def decode(self, tokens: Array | Sequence[int]) -> str:
        """Decode tokens to text; bytes that are not UTF-8 become U+FFFD.

        Raises
        ------
        UserError
            If a token is not in the vocabulary.
        """
        table = self._token_bytes
        return b"".join(table[t] for t in self._checked(tokens)).decode("utf-8", "replace")

    def decoder(self, before: Array | Sequence[int] = ()) -> TextDecoder:
        """Return the incremental decoder of tokens that follow those in ``before``."""
        return BytesDecoder(self, before)

    def n_bytes(self, tokens: Array | Sequence[int]) -> int:
        """Return the number of bytes of text in the tokens."""
        return int(self._byte_lengths[self._checked(tokens)].sum())

    def save(self, path: Path | str) -> None:
        """Write ``tokenizer.json`` atomically."""
        text = json.dumps(self.to_json(), ensure_ascii=False, indent=1)
        write_text(Path(path), text + "\n")

    @cached_property
    def fingerprint(self) -> str:
        """A hash of ``tokenizer.json``; tokens are valid only for tokenizers with the same hash."""
        text = json.dumps(self.to_json(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    @cached_property
    def _token_bytes(self) -> list[bytes]:
        return self._all_token_bytes()

    @cached_property
    def _byte_lengths(self) -> Array:
        return np.array([len(spelling) for spelling in self._token_bytes], np.int64)

    def _checked(self, tokens: Array | Sequence[int]) -> Array:
        """Convert ``tokens`` to an int64 array, and check that all are in the vocabulary."""
        ids = np.asarray(tokens, np.int64)
        outside = ids[(ids < 0) | (ids >= self.vocab_size)]
        if outside.size:
            raise UserError(
                f"there is no token {outside[0]}; the tokens of this tokenizer are 0 to "
                f"{self.vocab_size - 1}"
            )
        return ids


def to_utf8(text: str) -> bytes:
    """Encode a text as UTF-8.

    Raises
    ------
    UserError
        If the text has a lone surrogate, which a shell can pass but UTF-8 cannot represent.
    """
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        code = ord(text[error.start])
        raise UserError(
            f"character {error.start} of the text is U+{code:04X}, a lone surrogate and not a "
            "character; give the text as UTF-8"
        ) from None


def base_json(**parts: Any) -> dict[str, Any]:
    """Create the content of a ``tokenizer.json``; parts that are not given are empty."""
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


def has_only_a_model(content: dict[str, Any]) -> bool:
    """Whether a ``tokenizer.json`` neither normalizes text nor adds tokens around it."""
    post_processor = content.get("post_processor") or {"type": "ByteLevel"}  # it changes no ids
    return content.get("normalizer") is None and post_processor["type"] == "ByteLevel"


def other_settings(content: Any, expected: Any, name: str = "") -> list[str]:
    """Name the settings of a ``tokenizer.json`` that differ from those of :meth:`to_json`.

    None, False and a missing setting are equal. The vocabulary and the settings that change no ids
    are not compared.
    """
    if isinstance(content, dict) and isinstance(expected, dict):
        keys = sorted({*content, *expected} - {"vocab", *_WITHOUT_EFFECT.get(name, ())})
        inner = [(content.get(key), expected.get(key), f"{name}.{key}".strip(".")) for key in keys]
        return [setting for each in inner for setting in other_settings(*each)]
    values = [None if value is False else value for value in (content, expected)]
    is_equal = type(values[0]) is type(values[1]) and values[0] == values[1]
    return [] if is_equal else [name]


# Settings for training and for transformers, and those of ByteLevel that only concern offsets, or
# the splitting of words into single bytes.
_WITHOUT_EFFECT = {
    "": ("version", "truncation", "padding", "post_processor"),
    "pre_tokenizer": ("trim_offsets", "use_regex"),
    "decoder": ("trim_offsets", "use_regex", "add_prefix_space"),
}


def special_token(token: int, content: str) -> dict[str, Any]:
    """Create an entry of ``added_tokens``."""
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {"id": token, "content": content, **flags, "special": True}


def template(before: Sequence[tuple[int, str]], after: Sequence[tuple[int, str]]) -> dict[str, Any]:
    """Create a ``post_processor`` that puts tokens, as ids and names, around a text."""
    first, last = (
        [{"SpecialToken": {"id": name, "type_id": 0}} for _, name in tokens]
        for tokens in (before, after)
    )
    one, other = ({"Sequence": {"id": text, "type_id": i}} for i, text in enumerate("AB"))
    return {
        "type": "TemplateProcessing",
        "single": [*first, one, *last],
        "pair": [*first, one, *last, other, *last],
        "special_tokens": {
            name: {"id": name, "ids": [token], "tokens": [name]}
            for token, name in (*before, *after)
        },
    }
