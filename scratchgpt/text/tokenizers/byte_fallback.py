"""Byte-pair encoding of characters, with bytes for those outside the vocabulary.

This is the tokenizer of Llama 2, Mistral and TinyLlama. In its tokens a space is U+2581. A space is
put before a text, so that the first word has the token that it has elsewhere; decoding removes it.
A character outside the vocabulary becomes its bytes in UTF-8, which are the tokens ``<0x00>`` to
``<0xFF>`` (Kudo and Richardson 2018, arXiv:1808.06226, with the byte fallback of SentencePiece).
"""

import re
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.text.tokenizers.bpe import BPETokenizer
from scratchgpt.text.tokenizers.cuts import SPACE, steps_of
from scratchgpt.text.tokenizers.decoders import ByteRunDecoder

_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")
_REPLACE = {"type": "Replace", "pattern": {"String": SPACE}, "content": " "}
_STRIP = {"type": "Strip", "content": " ", "start": 1, "stop": 0}
_DECODER = [_REPLACE, {"type": "ByteFallback"}, {"type": "Fuse"}]


class ByteFallbackTokenizer(BPETokenizer):
    """BPE whose unknown characters are bytes, as that of Llama 2 and Mistral.

    A text and its decoded tokens are equal, except that the tokenizers of some models drop the
    character U+2581, which they read as a space.

    Parameters
    ----------
    content : dict
        The content of a ``tokenizer.json``.

    Attributes
    ----------
    strips_space : bool
        Whether decoding removes a space at the beginning.

    Raises
    ------
    UserError
        If the ``tokenizers`` library cannot read the content.
    """

    def __init__(self, content: dict[str, Any]) -> None:
        super().__init__(content)
        self.strips_space = steps_of(content["decoder"])[-1] == _STRIP

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "ByteFallbackTokenizer | None":
        """Create the tokenizer if ``content`` describes BPE with this decoder, else return None."""
        model = content["model"]
        is_bpe = model.get("type", "BPE") == "BPE" and "merges" in model
        decoder = steps_of(content["decoder"])
        has_decoder = decoder in (_DECODER, [*_DECODER, _STRIP])
        return cls(content) if is_bpe and has_decoder else None

    def decoder(self, before: Array | Sequence[int] = ()) -> ByteRunDecoder:
        return ByteRunDecoder(self, before)

    def decode(self, tokens: Array | Sequence[int]) -> str:
        decoder = self.decoder()
        pieces = [decoder.push(token) for token in self._checked(tokens).tolist()]
        return "".join(pieces) + decoder.flush()

    def is_byte(self, token: int) -> bool:
        """Whether a token is one byte, which need not be a character."""
        return bool(self._are_bytes[token])

    @cached_property
    def _are_bytes(self) -> Array:
        names = [self._backend.id_to_token(token) or "" for token in range(self.vocab_size)]
        return np.array([_BYTE.fullmatch(name) is not None for name in names], bool)

    def _bytes_of(self, token: int) -> bytes:
        spelling = self._backend.id_to_token(token) or ""  # ids may have gaps
        if byte := _BYTE.fullmatch(spelling):
            return bytes([int(byte[1], 16)])
        return spelling.replace(SPACE, " ").encode()

    def _bytes_of_added(self, token: Any) -> bytes:  # type: ignore[override]
        return b"" if token.special else token.content.replace(SPACE, " ").encode()
