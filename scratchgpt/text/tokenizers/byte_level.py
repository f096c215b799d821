"""The byte tokenizer: one token for each of the 256 bytes, so no text has unknown characters."""

from typing import Any

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.text.tokenizers.cuts import EVERYWHERE
from scratchgpt.text.tokenizers.tokenizer import (
    Tokenizer,
    base_json,
    has_only_a_model,
    other_settings,
    to_utf8,
)

# GPT-2's mapping of bytes to printable characters (Radford et al. 2019, section 2.2): bytes that
# are printable in Latin-1 map to themselves, the others to characters from U+0100 on.
_PRINTABLE = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
_OTHERS = [byte for byte in range(256) if byte not in _PRINTABLE]
BYTE_TO_CHARACTER = {
    **{byte: chr(byte) for byte in _PRINTABLE},
    **{byte: chr(0x100 + i) for i, byte in enumerate(_OTHERS)},
}
CHARACTER_TO_BYTE = {character: byte for byte, character in BYTE_TO_CHARACTER.items()}

_BYTE_LEVEL = {
    "type": "ByteLevel",
    "add_prefix_space": False,
    "trim_offsets": True,
    "use_regex": False,
}


class ByteTokenizer(Tokenizer):
    """A tokenizer for the bytes of UTF-8; the id of a token is the value of its byte.

    Examples
    --------
    >>> ByteTokenizer().encode("hé")
    array([104, 195, 169])
    """

    kind = "bytes"
    cuts = EVERYWHERE
    vocab_size = 256

    def encode(self, text: str) -> Array:
        return np.frombuffer(to_utf8(text), np.uint8).astype(np.int64)

    def to_json(self) -> dict[str, Any]:
        vocab = {BYTE_TO_CHARACTER[byte]: byte for byte in range(256)}
        model = {"type": "BPE", "vocab": vocab, "merges": []}
        return base_json(pre_tokenizer=_BYTE_LEVEL, decoder=_BYTE_LEVEL, model=model)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "ByteTokenizer | None":
        """Create the tokenizer if ``content`` describes it, else return None."""
        tokenizer = cls()
        model = content["model"]
        same_tokens = model["vocab"] == tokenizer.to_json()["model"]["vocab"]
        if not same_tokens or model.get("merges") or content["added_tokens"]:
            return None
        pre_tokenizer = {"add_prefix_space": True, **(content["pre_tokenizer"] or {})}
        model = {"type": "BPE", **model}  # old files have no type
        settings = {**content, "pre_tokenizer": pre_tokenizer, "model": model}
        if not has_only_a_model(content) or other_settings(settings, tokenizer.to_json()):
            return None  # BPETokenizer applies these settings
        return tokenizer

    def _all_token_bytes(self) -> list[bytes]:
        return [bytes([byte]) for byte in range(256)]
