"""Splitting of text into pieces that can be tokenized independently."""

import re
from collections.abc import Iterator

# Without this limit, a text without any white space would be held in memory as a whole.
LONGEST_PIECE = 1 << 18

# Greedy patterns, so they end at the last word that is followed by a space, or by a newline.
_TO_LAST_WORD_END = re.compile(r".*\S(?= )", re.DOTALL)
_TO_LAST_LINE_END = re.compile(r".*\S(?=\n)", re.DOTALL)
_TO_THE_END = re.compile(r".*", re.DOTALL)


def cut_between_words(blocks: Iterator[str]) -> Iterator[str]:
    """Split text before white space only, so that no tokenizer sees half a word.

    Byte-level BPE splits text into words with the space before them, so the tokens of the pieces
    equal the tokens of the whole text. Some tokenizers attach the newlines after a word to the
    word, but none attaches the spaces after it. So text is split at a newline only if
    LONGEST_PIECE characters contain no space, and anywhere if they contain no newline either.
    """
    held = ""
    for block in blocks:
        held += block
        match = _TO_LAST_WORD_END.match(held)
        if match is None and len(held) >= LONGEST_PIECE:
            match = _TO_LAST_LINE_END.match(held) or _TO_THE_END.match(held)
        if match is not None:
            yield match.group()
            held = held[match.end() :]
    if held:
        yield held
