"""Grouping of tokens into words, for the labels of a plot."""

from collections.abc import Sequence

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.text import Tokenizer

END = "⟨end⟩"


def words_of(tokenizer: Tokenizer, tokens: Array | Sequence[int]) -> list[tuple[str, list[int]]]:
    """Return the words of a sentence, each with the positions of its tokens.

    A word begins at a space, and between letters and punctuation. With a character tokenizer, each
    character is a word. The end_of_text token is a separate word.

    Parameters
    ----------
    tokenizer : Tokenizer
    tokens : integer array (n,)

    Examples
    --------
    >>> from scratchgpt.text import ByteTokenizer
    >>> tokenizer = ByteTokenizer()
    >>> [word for word, _ in words_of(tokenizer, tokenizer.encode("a dog, once"))]
    ['a', 'dog', ',', 'once']
    """
    words: list[tuple[bytes, list[int]]] = []
    for place, token in enumerate(tokens):
        if token == tokenizer.end_of_text:
            words.append((END.encode(), [place]))
            continue
        spelling = tokenizer.token_bytes(int(token))
        if tokenizer.kind == "characters" or not words or _begins_word(spelling, words[-1][0]):
            words.append((spelling, [place]))
        else:
            words[-1] = (words[-1][0] + spelling, [*words[-1][1], place])
    return [(_shown(spelling), places) for spelling, places in words]


def weights_of_words(
    weights: Array,
    target: list[tuple[str, list[int]]],
    source: list[tuple[str, list[int]]],
) -> Array:
    """Convert attention weights between tokens (T, S) to weights between words.

    Weights are summed over the tokens of a source word, so that rows still sum to 1, and averaged
    over the tokens of a target word.
    """
    columns = [weights[:, places].sum(axis=1) for _, places in source]
    by_source = np.stack(columns, axis=1)  # (T, source words)
    return np.stack([by_source[places].mean(axis=0) for _, places in target])


def _begins_word(spelling: bytes, before: bytes) -> bool:
    if spelling[:1].isspace() or before == END.encode():
        return True
    if before.isspace():
        return False
    return _is_letter(spelling[:1]) != _is_letter(before[-1:])


def _is_letter(byte: bytes) -> bool:
    """Whether a byte is part of a word: an ASCII letter or digit, or any non-ASCII byte."""
    return byte.isalnum() or byte >= b"\x80"


def _shown(spelling: bytes) -> str:
    text = spelling.decode("utf-8", "replace")
    return text.strip() or "␣"
