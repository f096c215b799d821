"""Text of any kind, divided at blank lines."""

from collections.abc import Sequence

from scratchgpt.embeddings.pieces.piece import Piece, pieces_of_lines

_PACKED = 2  # short blocks share a piece of up to 1/2 of the maximum


def paragraph_pieces(lines: Sequence[str], max_characters: int) -> list[Piece]:
    """Divide a text at blank lines that an indented line does not follow.

    So a function of a language that we do not parse is one block, although it may contain blank
    lines. Short blocks that follow one another are in one piece, and long blocks are divided into
    parts.
    """
    pieces: list[Piece] = []
    start, size = 1, 0

    def finish(last: int) -> None:
        pieces.extend(pieces_of_lines(lines, start, last, "", max_characters))

    for first, last in _blocks(lines):
        own = sum(len(line) + 1 for line in lines[first - 1 : last])
        if size and size + own > max_characters // _PACKED:
            finish(first - 1)
            start, size = first, 0
        size += own
    finish(len(lines))
    return pieces


def _blocks(lines: Sequence[str]) -> list[tuple[int, int]]:
    """Return the first and the last line of each block, with the blank lines after it."""
    starts = [1]
    is_blank = True
    for number, line in enumerate(lines, start=1):
        if line.strip():
            if is_blank and not line[0].isspace() and number > 1:
                starts.append(number)
            is_blank = False
        else:
            is_blank = True
    ends = [start - 1 for start in starts[1:]] + [len(lines)]
    return list(zip(starts, ends, strict=True))
