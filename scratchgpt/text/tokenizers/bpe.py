"""Byte-level byte-pair encoding, applied by the ``tokenizers`` library.

Sennrich, Haddow and Birch 2015, arXiv:1508.07909; on bytes as in Radford et al. 2019, section 2.2.
"""

import hashlib
import json
from collections.abc import Sequence
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.special_ids import CHAT_FORMAT, SpecialIds, write_names
from scratchgpt.text.tokenizers.bpe_content import (
    after_text,
    after_token,
    errors_of_library,
    number_of_ids,
    without_dropout,
)
from scratchgpt.text.tokenizers.byte_level import CHARACTER_TO_BYTE
from scratchgpt.text.tokenizers.cuts import safe_cuts, steps_of
from scratchgpt.text.tokenizers.tokenizer import (
    END_OF_TEXT,
    PADDING,
    Tokenizer,
    special_token,
    template,
    to_utf8,
)


class Place(Enum):
    """What stands before a text that is encoded."""

    START = "nothing"
    TOKEN = "a special token"
    TEXT = "other text"


class BPETokenizer(Tokenizer):
    """Byte-level BPE, with ``<|endoftext|>`` and ``<|padding|>`` if they are in the vocabulary.

    Parameters
    ----------
    content : dict
        The content of a ``tokenizer.json``, for example that of GPT-2.

    Attributes
    ----------
    chat_format : str or None
        The format of conversations that the folder of the tokenizer names.
    model_type : str or None
        The kind of the model in the folder, such as ``qwen2``: together with the special tokens it
        tells the format of conversations if the folder does not name it.

    Raises
    ------
    UserError
        If the ``tokenizers`` library cannot read the content.
    """

    kind = "bpe"
    chat_format: str | None = None
    model_type: str | None = None

    def __init__(self, content: dict[str, Any]) -> None:
        self._content = without_dropout(content)
        self._backend = _read(self._content)
        self._backend.encode_special_tokens = True  # read them as ordinary text, see Tokenizer
        self.vocab_size = number_of_ids(self._backend.get_vocab())
        self.end_of_text = self._backend.token_to_id(END_OF_TEXT)
        self.padding = self._backend.token_to_id(PADDING)
        self.cuts = safe_cuts(self._content)

    def end_documents_with(self, ids: SpecialIds) -> None:
        """Use the end of a text that the files of a folder name, not ``<|endoftext|>``."""
        if ids.ends and (ids.named in ids.ends or self.end_of_text not in ids.ends):
            self.end_of_text = ids.document_end
            self.__dict__.pop("fingerprint", None)

    @property
    def _has_other_end(self) -> bool:
        return self.end_of_text != self._backend.token_to_id(END_OF_TEXT)

    @cached_property
    def fingerprint(self) -> str:
        content = super().fingerprint
        if self._has_other_end:  # the tokens of a corpus depend on it, too
            content = hashlib.sha256(f"{content} {self.end_of_text}".encode()).hexdigest()
        return content

    def save(self, path: Path | str) -> None:
        """Write ``tokenizer.json``.

        The names of the end and of the chat format go to ``tokenizer_config.json``.
        """
        super().save(path)
        names: dict[str, str | None] = {CHAT_FORMAT: self.chat_format}
        if self._has_other_end:
            names["eos_token"] = self._backend.id_to_token(self.end_of_text)
        write_names(Path(path).parent, names)

    def with_special_tokens(self, names: Sequence[str]) -> "BPETokenizer":
        """Return a tokenizer with more special tokens; their ids follow the others.

        A name that the tokenizer has already keeps its id, also one of its ordinary tokens.
        """
        known = self._backend.get_vocab()
        there = {one.content for one in self._backend.get_added_tokens_decoder().values()}
        added = [special_token(known[name], name) for name in names if name in known.keys() - there]
        new = [name for name in names if name not in known]
        added += [special_token(self.vocab_size + i, name) for i, name in enumerate(new)]
        return self._with({"added_tokens": [*self._content.get("added_tokens", ()), *added]})

    def special_token(self, name: str) -> int | None:
        """Return the id of a special token, or None if there is no such token."""
        added = self._backend.get_added_tokens_decoder()
        return next((token for token, one in added.items() if one.content == name), None)

    def special_names(self) -> dict[int, str]:
        """Return the names of the special tokens by id."""
        added = self._backend.get_added_tokens_decoder()
        return {token: one.content for token, one in added.items() if one.special}

    @cached_property
    def around(self) -> tuple[list[int], list[int]]:
        """The tokens that other programs put before and after a text, as the file says."""
        encoding = self._marked_backend.encode("a")
        own = [i for i, is_added in enumerate(encoding.special_tokens_mask) if not is_added]
        if not own:
            raise UserError("the tokenizer has no token for the letter a")
        return encoding.ids[: own[0]], encoding.ids[own[-1] + 1 :]

    def with_around(self, before: Sequence[int], after: Sequence[int]) -> "BPETokenizer":
        """Return a tokenizer whose file tells other programs to put tokens around a text."""
        named = [
            [(token, self._backend.id_to_token(token)) for token in some]
            for some in (before, after)
        ]
        return self._with({"post_processor": template(*named)})

    def with_chat_format(self, name: str) -> "BPETokenizer":
        """Return a tokenizer whose folder names a format of conversations.

        ``scratchgpt.chat`` has the formats.
        """
        other = self._with({})
        other.chat_format = name
        return other

    def _with(self, parts: dict[str, Any]) -> "BPETokenizer":
        """Return a tokenizer with other parts of the file."""
        other = type(self)({**self._content, **parts})
        other.end_of_text = self.end_of_text
        other.chat_format, other.model_type = self.chat_format, self.model_type
        return other

    def split_prompt(self, prompt: str) -> tuple[list[int], str]:
        """Split a prompt after its last special token: the tokens up to there, and the rest."""
        to_utf8(prompt)
        encoding = self._marked_backend.encode(prompt, add_special_tokens=False)
        added = self._marked_backend.get_added_tokens_decoder()
        special = [i for i, token in enumerate(encoding.ids) if token in added]
        if not special:
            return [], prompt
        return encoding.ids[: special[-1] + 1], prompt[encoding.offsets[special[-1]][1] :]

    def encode(self, text: str) -> Array:
        return self.encode_all([text])[0]

    def encode_marked(self, text: str) -> Array:
        to_utf8(text)
        with errors_of_library():
            return np.array(self._marked_backend.encode(text).ids, np.int64)

    @cached_property
    def _marked_backend(self) -> Any:
        """A second backend that reads names of special tokens as tokens; the mode is its state."""
        return _read(self._content)

    def encode_all(self, texts: Sequence[str]) -> list[Array]:
        return _encode_all(self._backend, texts)

    def encode_prompt(self, text: str) -> Array:
        steps = steps_of(self._content.get("post_processor"))
        adds_tokens = any(step["type"] != "ByteLevel" for step in steps)
        tokens = self.encode(text)
        return np.array([*self.around[0], *tokens], np.int64) if adds_tokens else tokens

    def encode_next(self, text: str) -> Array:
        return self.encode_after(Place.TEXT, [text])[0]

    def encode_after(self, place: Place, texts: Sequence[str]) -> list[Array]:
        """Encode texts that stand after something else, without a space that does not belong there.

        Some tokenizers put a space before a text, or before each text after a special token.
        """
        return _encode_all(self._backends[place], texts)

    @cached_property
    def _backends(self) -> dict[Place, Any]:
        """The backends for each place of a text; most tokenizers treat all places alike."""
        backends = {Place.START: self._backend}
        for place, change in ((Place.TOKEN, after_token), (Place.TEXT, after_text)):
            content = change(self._content)
            backends[place] = self._backend if content == self._content else _read(content)
            backends[place].encode_special_tokens = True
        return backends

    def to_json(self) -> dict[str, Any]:
        return self._content

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "BPETokenizer | None":
        """Create the tokenizer if ``content`` describes byte-level BPE, else return None."""
        # Old files, such as that of GPT-2, do not specify the type of the model.
        is_bpe = content["model"].get("type", "BPE") == "BPE" and "merges" in content["model"]
        decoders = [step["type"] for step in steps_of(content["decoder"])]
        return cls(content) if is_bpe and decoders == ["ByteLevel"] else None

    def _all_token_bytes(self) -> list[bytes]:
        added = self._backend.get_added_tokens_decoder()
        return [
            self._bytes_of_added(added[token]) if token in added else self._bytes_of(token)
            for token in range(self.vocab_size)
        ]

    def _bytes_of(self, token: int) -> bytes:
        spelling = self._backend.id_to_token(token) or ""  # ids may have gaps
        try:
            return bytes([CHARACTER_TO_BYTE[character] for character in spelling])
        except KeyError:  # not spelled in the characters of bytes: the token is its spelling
            return spelling.encode()

    @staticmethod
    def _bytes_of_added(token: Any) -> bytes:
        return b"" if token.special else token.content.encode()


def _encode_all(backend: Any, texts: Sequence[str]) -> list[Array]:
    for text in texts:
        to_utf8(text)
    # The fast variant does not compute offsets, which are not needed.
    with errors_of_library():
        encodings = backend.encode_batch_fast(texts, add_special_tokens=False)
    return [np.array(encoding.ids, np.int64) for encoding in encodings]


def _read(content: dict[str, Any]) -> Any:
    """Make a tokenizer of the library; its mode says whether it reads names of special tokens."""
    from tokenizers import Tokenizer as Backend

    if prefix := content["model"].get("continuing_subword_prefix"):
        raise UserError(
            f"scratchgpt does not follow its setting continuing_subword_prefix={prefix!r}"
        )
    try:
        backend = Backend.from_str(json.dumps(content))
    except Exception as error:  # the library raises no more specific exception
        raise UserError(f"not a tokenizer: {error}") from error
    backend.no_truncation()
    backend.no_padding()
    return backend
