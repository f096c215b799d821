"""Markdown, divided at its headings."""

import re
from collections.abc import Sequence

from scratchgpt.embeddings.pieces.piece import Piece, pieces_of_lines

_HEADING = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$")
_UNDERLINE = re.compile(r" {0,3}(=+|-+)[ \t]*$")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_NOT_A_PARAGRAPH = re.compile(r"[ \t]*$| {4}|\t| {0,3}(?:[>#|]|[-*+][ \t]|\d+[.)][ \t]|```|~~~)")


def markdown_pieces(lines: Sequence[str], max_characters: int) -> list[Piece]:
    """Divide Markdown into sections, each from a heading to the next one of any level.

    The symbol of a section is its heading after those that it belongs to, such as
    ``Installation > From source``. Headings in fenced code are code. Long sections are divided
    into parts.
    """
    pieces: list[Piece] = []
    path: list[tuple[int, str]] = []
    start = 1

    def finish(last: int) -> None:
        symbol = " > ".join(title for _, title in path if title)
        pieces.extend(pieces_of_lines(lines, start, last, symbol, max_characters))

    for number, level, title in _headings(lines):
        finish(number - 1)
        start = number
        path = [(above, name) for above, name in path if above < level] + [(level, title)]
    finish(len(lines))
    return pieces


def _headings(lines: Sequence[str]) -> list[tuple[int, int, str]]:
    """Return the line, level and title of each heading."""
    found = []
    fence = ""
    for number, line in enumerate(lines, start=1):
        mark = _FENCE.match(line)
        if fence:
            if mark and mark[1].startswith(fence) and not line[mark.end() :].strip():
                fence = ""
        elif mark:
            fence = mark[1]
        elif heading := _HEADING.match(line):
            found.append((number, len(heading[1]), (heading[2] or "").strip()))
        elif (
            (underline := _UNDERLINE.match(line))
            and number > 1
            and not _NOT_A_PARAGRAPH.match(lines[number - 2])
            and not (found and found[-1][0] >= number - 1)
        ):
            level = 1 if underline[1].startswith("=") else 2
            found.append((number - 1, level, lines[number - 2].strip()))
    return found
