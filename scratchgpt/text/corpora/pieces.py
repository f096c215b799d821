"""Text cut into pieces that can be tokenized one by one."""

import re
from collections.abc import Iterator

# A text without any white space would otherwise have to be held in memory whole.
LONGEST_PIECE = 1 << 18

# Greedy, so they end at the last place with a word before it and a space, or newline, after it.
_TO_LAST_WORD_END = re.compile(r".*\S(?= )", re.DOTALL)
_TO_LAST_LINE_END = re.compile(r".*\S(?=\n)", re.DOTALL)
_TO_THE_END = re.compile(r".*", re.DOTALL)


def cut_between_words(blocks: Iterator[str]) -> Iterator[str]:
    """The same text, cut before white space only, so that no tokenizer sees half a word.

    Byte-level BPE splits text into words with the space before them, so the tokens of the pieces
    are those of the whole. Some tokenizers take the newlines behind a word to it, and none the
    spaces: it is cut at a newline only where LONGEST_PIECE characters have no space between them,
    and anywhere where they have no newline either.
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
