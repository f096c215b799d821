"""Byte-level byte-pair encoding, trained and applied by the ``tokenizers`` library.

Sennrich, Haddow and Birch 2015, arXiv:1508.07909; on bytes as in Radford et al. 2019, section 2.2.
"""

import json
from collections.abc import Iterable
from functools import cached_property
from typing import Any

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.text.byte_level import CHARACTER_TO_BYTE
from scratchgpt.text.tokenizer import Tokenizer

END_OF_TEXT = "<|endoftext|>"
SMALLEST = 257  # the bytes and the end of text


class BPETokenizer(Tokenizer):
    """Byte-level BPE, with an ``<|endoftext|>`` token where the vocabulary has one.

    Text is data: where the characters ``<|endoftext|>`` stand in a text, they are encoded as the
    characters that they are. The token itself is put between documents by
    :func:`scratchgpt.text.prepare` alone.

    Parameters
    ----------
    content : dict
        The content of a ``tokenizer.json``.
    """

    kind = "bpe"

    def __init__(self, content: dict[str, Any]) -> None:
        from tokenizers import Tokenizer as Backend

        try:
            self._backend = Backend.from_str(json.dumps(content))
        except Exception as error:  # the library raises nothing more specific
            raise UserError(f"the tokenizer is damaged: {error}") from error
        self._backend.encode_special_tokens = True
        self._content = content
        self.vocab_size = self._backend.get_vocab_size()
        self.end_of_text = self._backend.token_to_id(END_OF_TEXT)

    def encode(self, text: str) -> Array:
        ids = self._backend.encode(text, add_special_tokens=False).ids
        return np.array(ids, np.int64)

    def token_bytes(self, token: int) -> bytes:
        return self._bytes[token]

    def to_json(self) -> dict[str, Any]:
        return self._content

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "BPETokenizer | None":
        """The tokenizer, where ``content`` describes byte-level BPE; None for another kind."""
        if content["model"]["type"] != "BPE" or "ByteLevel" not in json.dumps(content["decoder"]):
            return None
        return cls(content)

    @cached_property
    def _bytes(self) -> list[bytes]:
        special = set(self._backend.get_added_tokens_decoder())
        spellings = [
            "" if token in special else self._backend.id_to_token(token) or ""
            for token in range(self.vocab_size)
        ]
        return [bytes(CHARACTER_TO_BYTE[c] for c in spelling) for spelling in spellings]


def train_bpe(texts: Iterable[str], vocab_size: int) -> BPETokenizer:
    """Learn a vocabulary from texts; the same texts give the same one.

    Parameters
    ----------
    texts : iterable of str
        Pieces of text of any length, read once.
    vocab_size : int
        At least 257: the bytes and the end of text. A small corpus may not fill a large one.

    Raises
    ------
    UserError
        If ``vocab_size`` is too small.
    """
    from tokenizers import Tokenizer as Backend
    from tokenizers import decoders, models, pre_tokenizers, trainers

    if vocab_size < SMALLEST:
        raise UserError(
            f"a bpe vocabulary of {vocab_size} is too small: the 256 bytes and the end of text "
            f"take {SMALLEST}; choose more"
        )
    backend = Backend(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(texts, trainer)
    return BPETokenizer(json.loads(backend.to_str()))
