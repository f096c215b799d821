"""Markdown is divided at its headings."""

from scratchgpt.embeddings.pieces.markdown import markdown_pieces
from scratchgpt.embeddings.pieces.piece import lines_of

TEXT = """\
Before.

# Title #

Text.

```sh
# a comment, not a heading
```

## Install

Part
----
Under.

### Deep
#hashtag

# Other
- item
---
"""


def test_sections_have_the_path_of_their_heading():
    pieces = markdown_pieces(lines_of(TEXT), 1000)
    assert [(piece.first, piece.last, piece.symbol) for piece in pieces] == [
        (1, 1, ""),
        (3, 9, "Title"),
        (11, 11, "Title > Install"),
        (13, 15, "Title > Part"),
        (17, 18, "Title > Part > Deep"),
        (20, 22, "Other"),
    ]


def test_fences_end_with_as_many_marks_as_they_began():
    text = "~~~~\n# a\n~~~\n# b\n~~~~\n# Heading\n"
    assert [one.symbol for one in markdown_pieces(lines_of(text), 99)] == ["", "Heading"]


def test_lines_of_marks_need_not_be_headings():
    text = "---\ntitle: x\n---\n\ntext\n\n---\n\n===\n"
    symbols = [one.symbol for one in markdown_pieces(lines_of(text), 99)]
    assert set(symbols) <= {"", "title: x"}
