"""Splitting of text into pieces that can be tokenized independently."""

from collections.abc import Iterator

from scratchgpt.errors import UserError
from scratchgpt.text.tokenizers.cuts import EVERYWHERE, Cuts

# Without this limit, a text without any space would be held in memory as a whole.
LONGEST_PIECE = 1 << 18
# The limit for texts and tokenizers that allow no other cut: tokenizing it needs about 2.5 GB.
LONGEST_WHOLE = 1 << 24


def cut_between_words(
    blocks: Iterator[str], cuts: Cuts = EVERYWHERE, name: str = "the text"
) -> Iterator[str]:
    """Split text where ``cuts`` match, so that the tokens of the pieces are those of the text.

    Byte-level BPE splits text into words with the space before them, so the tokens of the pieces
    equal the tokens of the whole text. Some tokenizers attach the newlines after a word to the
    word, but none attaches the spaces after it. So the first pattern of ``cuts`` is to end before a
    space. The others are used, in order, if LONGEST_PIECE characters contain no match of the first.

    Raises
    ------
    UserError
        If LONGEST_WHOLE characters contain no match; the message has ``name``.
    """
    held = ""
    searched = [0] * len(cuts)  # a match of each pattern can only end after these characters
    for block in blocks:
        held += block
        n_usable = len(cuts) if len(held) >= LONGEST_PIECE else 1
        for i, cut in enumerate(cuts[:n_usable]):
            match = cut.match(held, searched[i])
            if match is not None:
                yield held[: match.end()]
                held = held[match.end() :]
                searched = [0] * len(cuts)
                break
            searched[i] = max(len(held) - 1, 0)
        if len(held) > LONGEST_WHOLE:
            raise UserError(
                f"{name} has more than {LONGEST_WHOLE:,} characters that must be tokenized at "
                "once: cut anywhere, they might get other tokens; split the file into smaller "
                "ones, or use another tokenizer"
            )
    if held:
        yield held
