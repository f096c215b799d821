"""The tokenizer of GPT-1: byte-pair encoding within lower-cased words, with an end-of-word mark.

Radford et al. 2018, section 4.1, with the code of Sennrich, Haddow and Birch 2015,
arXiv:1508.07909. Text is first split at white space and punctuation, and the last token of a word
ends in ``</w>``. Upper case and the kind and number of spaces are lost. Characters that are not in
the vocabulary become ``<unk>``.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.text.tokenizers.bpe import BPETokenizer

WORD_END = "</w>"
UNKNOWN = "<unk>"


class WordBPETokenizer(BPETokenizer):
    """BPE with an end-of-word mark in its tokens; decoded words are separated by one space.

    Parameters
    ----------
    content : dict
        The content of a ``tokenizer.json``, for example that of GPT-1.

    Raises
    ------
    UserError
        If the ``tokenizers`` library cannot read the content.
    """

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "WordBPETokenizer | None":
        """Create the tokenizer if ``content`` describes BPE with end-of-word marks, else None."""
        model = content["model"]
        is_bpe = model.get("type", "BPE") == "BPE" and "merges" in model
        marks_ends = model.get("end_of_word_suffix") == WORD_END
        decoder = {"suffix": WORD_END, **(content["decoder"] or {})}
        has_decoder = (decoder.get("type"), decoder["suffix"]) == ("BPEDecoder", WORD_END)
        return cls(content) if is_bpe and marks_ends and has_decoder else None

    def ends_word(self, token: int) -> bool:
        return bool(self._word_ends[token])

    def decode(self, tokens: Array | Sequence[int]) -> str:
        ids = self._checked(tokens)
        table, ends = self._token_bytes, self._word_ends
        spelled = [t for t in ids.tolist() if table[t] or ends[t]]
        text = b"".join(table[t] + b" " * int(ends[t]) for t in spelled).decode()
        return text[:-1] if spelled and ends[spelled[-1]] else text

    def _bytes_of(self, token: int) -> bytes:
        spelling = self._backend.id_to_token(token) or ""  # ids may have gaps
        return spelling.removesuffix(WORD_END).encode()

    @cached_property
    def _word_ends(self) -> Array:
        """Whether each token ends a word."""
        special = self._backend.get_added_tokens_decoder()
        names = [self._backend.id_to_token(token) or "" for token in range(self.vocab_size)]
        ends = [n.endswith(WORD_END) and t not in special for t, n in enumerate(names)]
        return np.array(ends, bool)

    @cached_property
    def _byte_lengths(self) -> Array:
        lengths = [len(spelling) for spelling in self._token_bytes]
        return np.array(lengths, np.int64) + self._word_ends
