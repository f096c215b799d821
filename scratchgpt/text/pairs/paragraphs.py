"""Neighboring paragraphs of a text, and titles with the paragraphs below them, as pairs."""

import re
from collections.abc import Iterator
from itertools import pairwise

MIN_WORDS = 8  # of a paragraph
MIN_TITLE_WORDS = 2

_TITLE = re.compile(r"#{1,6}\s+(.+?)(\s+#+)?$")
_UNDERLINE = re.compile(r"(=+|-+|~+|\^+)$")
_FENCE = re.compile(r"(```+|~~~+)")


def neighbor_pairs(text: str) -> Iterator[tuple[str, str]]:
    """Yield each two neighboring paragraphs, and each title with the first paragraph below it.

    Empty lines separate paragraphs. A title is a heading of Markdown or reStructuredText with at
    least 2 words. Two paragraphs are a pair if both have at least 8 words, and neither a title nor
    code in a Markdown fence is between them.
    """
    for title, paragraphs in sections(text):
        long = [len(each.split()) >= MIN_WORDS for each in paragraphs]
        if len(title.split()) >= MIN_TITLE_WORDS and long[:1] == [True]:
            yield title, paragraphs[0]
        for i, (one, other) in enumerate(pairwise(paragraphs)):
            if long[i] and long[i + 1]:
                yield one, other


def sections(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each title, or "" without one, with the paragraphs up to the next title or code."""
    title = ""
    paragraphs: list[str] = []
    for block in _blocks(text):
        first, *rest = block
        heading = _TITLE.match(first)
        underlined = len(block) > 1 and len(rest[0]) >= len(first) and _UNDERLINE.match(rest[0])
        if heading or underlined or _FENCE.match(first):
            if paragraphs:
                yield title, paragraphs
            if _FENCE.match(first):
                title, paragraphs = "", []
                continue
            title, paragraphs = heading[1] if heading else first, []
            rest = rest if heading else rest[1:]
            if rest:
                paragraphs.append("\n".join(rest))
        else:
            paragraphs.append("\n".join(block))
    if paragraphs:
        yield title, paragraphs


def _blocks(text: str) -> Iterator[list[str]]:
    """Yield runs of lines that are not empty; headings and code in a fence begin one."""
    block: list[str] = []
    fence = ""
    for line in text.split("\n"):
        stripped = line.strip()
        mark = _FENCE.match(stripped)
        if fence:
            block.append(stripped)
            if stripped == fence:
                yield block
                block, fence = [], ""
            continue
        if block and (mark or not stripped or _TITLE.match(stripped)):
            yield block
            block = []
        if mark:
            fence = mark[1]
        if stripped:
            block.append(stripped)
    if block:
        yield block
