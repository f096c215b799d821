"""A piece of a text, and the division of long pieces into parts."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

# Increased when the same file is divided differently, so that indexes read their files again.
CUTTER_VERSION = 1
_OVERLAP = 8  # a part repeats at most 1/8 of the lines before it


class Piece(NamedTuple):
    """Lines of a text that belong together.

    Attributes
    ----------
    first, last : int
        The first and the last line, counted from 1.
    symbol : str
        What is defined there: the qualified name of a function or class, or the headings of a
        section. Empty for other text.
    text : str
        The lines without the indentation that they share, and without blank lines at both ends.
    """

    first: int
    last: int
    symbol: str
    text: str


def lines_of(text: str) -> list[str]:
    """Divide a text into lines at newlines of all systems, and nowhere else, as Python's parser."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def pieces_of_lines(
    lines: Sequence[str], first: int, last: int, symbol: str, max_characters: int
) -> Iterator[Piece]:
    """Yield lines as one piece, or as several if they are too long.

    A long piece is divided between lines, and each part repeats some lines of the part before it.
    A line that is too long by itself is divided anywhere. So every character is in some piece.

    Parameters
    ----------
    lines : sequence of str
        All lines of the file.
    first, last : int
        The lines of the piece, counted from 1. If they are all blank, there is no piece.
    symbol : str
    max_characters : int
        The maximum length of the text of a piece.
    """
    while first <= last and not lines[first - 1].strip():
        first += 1
    while first <= last and not lines[last - 1].strip():
        last -= 1
    if first > last:
        return
    own = _without_indentation(lines[first - 1 : last])
    start = 0
    while start < len(own):
        if not own[start]:
            start += 1
            continue
        end, size = start, -1
        while end < len(own) and size + 1 + len(own[end]) <= max_characters:
            size += 1 + len(own[end])
            end += 1
        if end == start:  # this line is too long
            for i in range(0, len(own[start]), max_characters):
                part = own[start][i : i + max_characters]
                if part.strip():
                    yield Piece(first + start, first + start, symbol, part)
            start += 1
            continue
        text = "\n".join(own[start:end]).rstrip("\n")
        yield Piece(first + start, first + start + text.count("\n"), symbol, text)
        if end == len(own):
            return
        start = _repeated_from(own, start, end, max_characters)


def divided_until(
    pieces: Sequence[Piece], fits: Callable[[list[str]], Sequence[bool]]
) -> Iterator[Piece]:
    """Divide pieces into parts until the text of each part fits, or is a single character.

    Parameters
    ----------
    pieces : sequence of Piece
    fits : callable
        Called with some texts; returns whether each fits.
    """
    for piece, is_short in zip(pieces, fits([piece.text for piece in pieces]), strict=True):
        if is_short or len(piece.text) == 1:
            yield piece
            continue
        lines = piece.text.split("\n")
        parts = pieces_of_lines(lines, 1, len(lines), piece.symbol, (len(piece.text) + 1) // 2)
        above = piece.first - 1
        moved = [part._replace(first=part.first + above, last=part.last + above) for part in parts]
        yield from divided_until(moved, fits)


def _repeated_from(lines: list[str], start: int, end: int, max_characters: int) -> int:
    """Return the line at which the next part starts: before ``end``, if these lines are short."""
    budget = max_characters // _OVERLAP
    following = len(lines[end]) + 1
    while end - 1 > start:
        size = len(lines[end - 1]) + 1
        if size > budget or size + following > max_characters:
            break
        budget -= size
        following += size
        end -= 1
    return end


def _without_indentation(lines: Sequence[str]) -> list[str]:
    """Remove the spaces or tabs that all lines begin with; blank lines become empty."""
    filled = [line for line in lines if line.strip()]
    shortest, longest = min(filled), max(filled)
    n = 0
    while n < len(shortest) and shortest[n] in " \t" and shortest[n] == longest[n]:
        n += 1
    return [line[n:].rstrip() for line in lines]
