import pytest

from scratchgpt.text.pairs.paragraphs import neighbor_pairs, sections

A, B, C = (
    f"The {name} paragraph has at least eight words in\nit." for name in ("1st", "2nd", "3rd")
)


def test_neighbors_are_paragraphs_without_a_title_between_them():
    text = f"{A}\n\n{B}\n \n\n{C}\n"
    assert list(neighbor_pairs(text)) == [(A, B), (B, C)]
    assert list(neighbor_pairs(f"{A}\n\nShort.\n\n{C}\n")) == []
    assert list(neighbor_pairs("")) == []


@pytest.mark.parametrize(
    "title",
    ["# My title\n\n", "## My title ##\n", "My title\n========\n\n", "My title\n--------\n"],
)
def test_a_title_is_a_pair_with_the_paragraph_below_it(title):
    assert list(neighbor_pairs(f"{A}\n\n{title}{B}\n\n{C}")) == [("My title", B), (B, C)]


def test_a_title_of_one_word_ends_a_section_without_a_pair():
    assert list(neighbor_pairs(f"{A}\n\n# Title\n\n{B}")) == []
    assert list(sections(f"{A}\n\n# Title\n\n{B}")) == [("", [A]), ("Title", [B])]


@pytest.mark.parametrize("fence", ["```", "~~~", "````"])
def test_code_in_a_fence_is_in_no_paragraph(fence):
    code = f"{fence}python\n# not a title\n\n{B}\n{fence}"
    assert list(sections(f"# A title\n\n{A}\n{code}\n{C}\n")) == [("A title", [A]), ("", [C])]
    assert list(sections(f"{A}\n\n{code[:-4]}")) == [("", [A])]  # the fence is not closed


def test_what_only_resembles_a_title_is_text():
    text = "#hashtag and\nmore\n\nA list:\n- one\n- two\n\nLonger than the line\n---"
    assert list(sections(text)) == [
        ("", ["#hashtag and\nmore", "A list:\n- one\n- two", "Longer than the line\n---"])
    ]
