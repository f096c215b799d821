"""One token for each character that occurs in a corpus."""

from collections.abc import Iterable
from functools import cached_property
from typing import Any

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.text.tokenizer import Tokenizer, base_json

# Splits text into single characters, the newline included.
_EACH_CHARACTER = {
    "type": "Split",
    "pattern": {"Regex": r"[\s\S]"},
    "behavior": "Isolated",
    "invert": False,
}


class CharacterTokenizer(Tokenizer):
    """The characters (Unicode code points) of an alphabet, numbered in their order.

    Parameters
    ----------
    alphabet : iterable of str
        Single characters, in any order; repetitions do not count.

    Examples
    --------
    >>> tokenizer = CharacterTokenizer("hello")
    >>> tokenizer.encode("hole")
    array([1, 3, 2, 0])
    >>> tokenizer.decode([1, 3, 2, 0])
    'hole'
    """

    kind = "characters"

    def __init__(self, alphabet: Iterable[str]) -> None:
        self.characters = sorted(set(alphabet))
        if not self.characters:
            raise UserError("a character tokenizer needs at least one character")
        self.vocab_size = len(self.characters)

    def encode(self, text: str) -> Array:
        codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")  # (n,)
        known = codes < len(self._table)
        tokens = np.where(known, self._table[np.where(known, codes, 0)], -1)
        if tokens.size and tokens.min() < 0:
            raise UserError(self._unknown(text, int(np.argmin(tokens)), tokens))
        return tokens

    def token_bytes(self, token: int) -> bytes:
        return self.characters[token].encode("utf-8", "surrogatepass")

    def to_json(self) -> dict[str, Any]:
        # A WordLevel model must name a token for unknown words; without one in the vocabulary it
        # refuses them, as we do.
        model = {
            "type": "WordLevel",
            "vocab": {character: i for i, character in enumerate(self.characters)},
            "unk_token": "<unknown>",
        }
        return base_json(pre_tokenizer=_EACH_CHARACTER, decoder={"type": "Fuse"}, model=model)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "CharacterTokenizer | None":
        """The tokenizer that :meth:`to_json` describes; None where it is of another kind."""
        if content["model"]["type"] != "WordLevel" or content["pre_tokenizer"] != _EACH_CHARACTER:
            return None
        vocab = content["model"]["vocab"]
        tokenizer = cls(vocab)
        if {c: i for i, c in enumerate(tokenizer.characters)} != vocab:
            raise UserError("a character tokenizer must number its characters in their order")
        return tokenizer

    @cached_property
    def _table(self) -> Array:
        """Token of each code point, -1 where there is none."""
        codes = [ord(character) for character in self.characters]
        table = np.full(codes[-1] + 1, -1, np.int64)
        table[codes] = np.arange(len(codes))
        return table

    def _unknown(self, text: str, first: int, tokens: Array) -> str:
        unknown = sorted({text[i] for i in np.flatnonzero(tokens < 0)[:1000]})
        names = ", ".join(f"{c!r} (U+{ord(c):04X})" for c in unknown[:5])
        more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
        return (
            f"the tokenizer has not seen {names}{more}, first at character {first}; "
            f"it knows {self.vocab_size} others; leave these out, or train with bytes or bpe"
        )
