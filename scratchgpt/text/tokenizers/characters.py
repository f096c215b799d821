"""The character tokenizer: one token for each character of an alphabet."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError, counted
from scratchgpt.text.tokenizers.cuts import EVERYWHERE
from scratchgpt.text.tokenizers.tokenizer import (
    END_OF_TEXT,
    PADDING,
    Tokenizer,
    base_json,
    has_only_a_model,
    other_settings,
    special_token,
    to_utf8,
)

# Splits text into single characters, including newlines.
_EACH_CHARACTER = {
    "type": "Split",
    "pattern": {"Regex": r"[\s\S]"},
    "behavior": "Isolated",
    "invert": False,
}


class CharacterTokenizer(Tokenizer):
    """A tokenizer for the characters (Unicode code points) of an alphabet, numbered in order.

    Parameters
    ----------
    alphabet : iterable of str
        Single characters, in any order; duplicates are ignored.
    end_of_text : bool
        Whether to include an ``<|endoftext|>`` token, after the characters.
    padding : bool
        Whether to include a ``<|padding|>`` token, the last one.

    Raises
    ------
    UserError
        If the alphabet is empty or has an element that is not a single character.

    Examples
    --------
    >>> tokenizer = CharacterTokenizer("hello")
    >>> tokenizer.encode("hole")
    array([1, 3, 2, 0])
    >>> tokenizer.decode([1, 3, 2, 0])
    'hole'
    """

    kind = "characters"
    cuts = EVERYWHERE

    def __init__(
        self, alphabet: Iterable[str], *, end_of_text: bool = False, padding: bool = False
    ) -> None:
        self.characters = sorted(set(alphabet))
        if not self.characters:
            raise UserError("the alphabet is empty; a character tokenizer needs a character")
        for character in self.characters:
            if len(character) != 1:
                raise UserError(
                    f"a character tokenizer cannot have {character!r} as a token; give single "
                    "characters"
                )
            to_utf8(character)
        n_characters = len(self.characters)
        self.vocab_size = n_characters + end_of_text + padding
        self.end_of_text = n_characters if end_of_text else None
        self.padding = n_characters + end_of_text if padding else None

    def encode(self, text: str) -> Array:
        codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")  # (n,)
        # Code points beyond the table map to its last element, which is -1 (unknown).
        tokens = self._table[np.minimum(codes, len(self._table) - 1)]
        if tokens.size and tokens.min() < 0:
            raise UserError(self._unknown(text, np.flatnonzero(tokens < 0)))
        return tokens

    def encode_all(self, texts: Sequence[str]) -> list[Array]:
        try:
            tokens = self.encode("".join(texts))
        except UserError:
            return super().encode_all(texts)  # raises the error for the text that has it
        return np.split(tokens, np.cumsum([len(text) for text in texts], dtype=np.int64))[:-1]

    def to_json(self) -> dict[str, Any]:
        # A WordLevel model must name a token for unknown words. This name is not in the vocabulary,
        # so unknown words raise an error, as in ``encode``.
        model = {
            "type": "WordLevel",
            "vocab": {character: i for i, character in enumerate(self.characters)},
            "unk_token": "<unknown>",
        }
        specials = [(self.end_of_text, END_OF_TEXT), (self.padding, PADDING)]
        return base_json(
            added_tokens=[
                special_token(token, name) for token, name in specials if token is not None
            ],
            pre_tokenizer=_EACH_CHARACTER,
            decoder={"type": "Fuse"},
            model=model,
        )

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "CharacterTokenizer | None":
        """Create the tokenizer from the output of :meth:`to_json`; None for other tokenizers."""
        model = content["model"]
        if model.get("type") != "WordLevel" or content["pre_tokenizer"] != _EACH_CHARACTER:
            return None
        if not has_only_a_model(content) or model.get("unk_token") in model["vocab"]:
            return None
        specials = {entry["content"] for entry in content["added_tokens"]}
        tokenizer = cls(
            model["vocab"], end_of_text=END_OF_TEXT in specials, padding=PADDING in specials
        )
        expected = tokenizer.to_json()
        if expected["model"]["vocab"] != model["vocab"]:
            raise UserError("its characters are not numbered in order")
        if expected["added_tokens"] != content["added_tokens"]:
            raise UserError(
                f"it has special tokens other than {END_OF_TEXT} and {PADDING} at the end"
            )
        if settings := other_settings(
            {**content, "added_tokens": expected["added_tokens"]}, expected
        ):
            raise UserError(f"scratchgpt does not follow its setting {settings[0]}")
        return tokenizer

    def _all_token_bytes(self) -> list[bytes]:
        n_specials = self.vocab_size - len(self.characters)
        return [character.encode() for character in self.characters] + n_specials * [b""]

    @cached_property
    def _table(self) -> Array:
        """The token of each code point up to the highest, then -1; -1 if there is no token."""
        codes = [ord(character) for character in self.characters]
        table = np.full(codes[-1] + 2, -1, np.int64)
        table[codes] = np.arange(len(codes))
        return table

    def _unknown(self, text: str, positions: Array) -> str:
        unknown = sorted({text[i] for i in positions})
        names = ", ".join(f"{c!r} (U+{ord(c):04X})" for c in unknown[:5])
        more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
        return (
            f"the tokenizer has no token for {names}{more}, first at character {positions[0]}; "
            f"its vocabulary has {counted(len(self.characters), 'other character')}; remove these, "
            "or use a bytes or bpe tokenizer"
        )
