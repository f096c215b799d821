import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchgpt.text import ByteTokenizer, CharacterTokenizer, StreamDecoder, train_bpe

BYTES = ByteTokenizer()
BPE = train_bpe(["héllo wörld 😀 " * 9], 275)


def stream(tokenizer, tokens):
    decoder = StreamDecoder(tokenizer)
    return [*(decoder.push(token) for token in tokens), decoder.flush()]


@given(st.binary(max_size=30))
def test_pieces_join_to_the_text_of_any_bytes(content):
    assert "".join(stream(BYTES, content)) == BYTES.decode(list(content))


@given(
    st.lists(st.sampled_from([0x41, 0xC3, 0xA9, 0xE2, 0x82, 0xAC, 0xF0, 0x9F, 0x98, 0x80, 0xED]))
)
def test_pieces_join_to_the_text_of_broken_characters(tokens):
    assert "".join(stream(BYTES, tokens)) == BYTES.decode(tokens)


@given(st.lists(st.integers(0, BPE.vocab_size - 1), max_size=30))
def test_pieces_join_to_the_text_of_any_tokens(tokens):
    assert "".join(stream(BPE, tokens)) == BPE.decode(tokens)


@given(st.text(max_size=20))
def test_no_piece_contains_half_a_character(text):
    pieces = stream(BYTES, BYTES.encode(text))
    assert "".join(pieces) == text
    assert all(len(piece) <= 1 for piece in pieces)
    assert pieces[-1] == ""
    assert "\ufffd" not in "".join(pieces) or "\ufffd" in text


def test_a_character_comes_with_its_last_byte():
    assert stream(BYTES, "a😀".encode()) == ["a", "", "", "", "😀", ""]


@pytest.mark.parametrize("n", [1, 2, 3])
def test_an_incomplete_character_becomes_a_replacement_character(n):
    assert stream(BYTES, "😀".encode()[:n]) == [""] * n + ["\ufffd"]


def test_characters_come_one_by_one_and_the_end_of_text_has_no_text():
    letters = CharacterTokenizer("aé", end_of_text=True)
    assert stream(letters, [1, 0, 2, 1]) == ["é", "a", "", "é", ""]
