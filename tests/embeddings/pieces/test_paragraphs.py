"""Other text is divided at blank lines."""

from scratchgpt.embeddings.pieces.paragraphs import paragraph_pieces
from scratchgpt.embeddings.pieces.piece import lines_of


def test_short_paragraphs_share_a_piece():
    text = "one\n\ntwo\n\nthree\n"
    assert [one.text for one in paragraph_pieces(lines_of(text), 99)] == ["one\n\ntwo\n\nthree"]
    spans = [(one.first, one.last) for one in paragraph_pieces(lines_of(text), 20)]
    assert spans == [(1, 3), (5, 5)]


def test_an_indented_line_continues_a_block():
    text = "f() {\n  a\n\n  b\n}\n\ng() {\n\n\n  c\n}\n"
    pieces = paragraph_pieces(lines_of(text), 20)
    assert [(one.first, one.last) for one in pieces] == [(1, 5), (7, 11)]


def test_a_text_without_words_has_no_pieces():
    assert paragraph_pieces(lines_of("\n \n\t\n"), 20) == paragraph_pieces([""], 20) == []
