"""Texts as tokens for an encoder: a start token that says the role of the text, and an end token.

Neelakantan et al. 2022, arXiv:2201.10005, section 2.1: different delimiters for the two sides make
training more stable. The end is shared, because the files of other programs have one end for all
texts.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.text import BPETokenizer, Tokenizer

QUERY, DOCUMENT = "query", "document"
START_TOKENS = {QUERY: "<|query|>", DOCUMENT: "<|document|>"}


class Roles(NamedTuple):
    """The special tokens of an encoder.

    Attributes
    ----------
    starts : dict of str to int
        The start token of each role.
    end : int
    """

    starts: dict[str, int]
    end: int


def add_roles(tokenizer: Tokenizer) -> BPETokenizer:
    """Return the tokenizer with the start tokens of both roles, after its other tokens.

    Raises
    ------
    UserError
        If the tokenizer cannot have more tokens, or has no end of text.
    """
    if not isinstance(tokenizer, BPETokenizer):
        raise UserError(
            f"an encoder needs a bpe tokenizer, not {tokenizer.kind}; choose tokenizer=bpe:8000, "
            "or start from a model with such a tokenizer"
        )
    if tokenizer.end_of_text is None:
        raise UserError("an encoder needs a tokenizer with an end of text, such as bpe:8000")
    return tokenizer.with_special_tokens(list(START_TOKENS.values()))


def find_roles(tokenizer: Tokenizer) -> Roles | None:
    """Return the special tokens of an encoder, or None if the tokenizer lacks one of them."""
    if not isinstance(tokenizer, BPETokenizer) or tokenizer.end_of_text is None:
        return None
    starts = {role: tokenizer.special_token(name) for role, name in START_TOKENS.items()}
    known = {role: token for role, token in starts.items() if token is not None}
    return Roles(known, tokenizer.end_of_text) if len(known) == len(starts) else None


def add_delimiters(
    texts: Sequence[Array], start: Sequence[int], end: int | Sequence[int], most: int
) -> tuple[list[Array], int]:
    """Put ``start`` before and ``end`` after the tokens of each text.

    Texts that would be longer than ``most`` tokens are cut before the end token, because the end
    token is read last. Returns the rows, and how many texts were cut.
    """
    first, last = (np.array(tokens, np.int64).reshape(-1) for tokens in (start, end))
    room = most - len(first) - len(last)
    rows = [np.concatenate([first, text[:room], last]) for text in texts]
    return rows, sum(len(text) > room for text in texts)
