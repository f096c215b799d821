import json

import pytest
from tokenizers import Tokenizer as Reference

from scratchgpt.errors import UserError
from scratchgpt.text import CharacterTokenizer


def test_ids_have_the_order_of_code_points():
    tokenizer = CharacterTokenizer("b😀a\né")
    assert tokenizer.characters == ["\n", "a", "b", "é", "😀"]
    assert tokenizer.encode("😀é\nab").tolist() == [4, 3, 0, 1, 2]


def test_the_end_of_text_comes_last():
    tokenizer = CharacterTokenizer("ab", end_of_text=True)
    assert (tokenizer.vocab_size, tokenizer.end_of_text) == (3, 2)
    assert CharacterTokenizer("ab").end_of_text is None


def test_the_padding_comes_after_the_end_of_text():
    tokenizer = CharacterTokenizer("ab", end_of_text=True, padding=True)
    assert (tokenizer.vocab_size, tokenizer.end_of_text, tokenizer.padding) == (4, 2, 3)
    alone = CharacterTokenizer("ab", padding=True)
    assert (alone.vocab_size, alone.end_of_text, alone.padding) == (3, None, 2)


@pytest.mark.parametrize("unknown", ["z", "\x00", "a\u0301", "😀", "\U0010ffff"])
def test_an_unknown_character_is_named_with_its_code_and_place(unknown):
    tokenizer = CharacterTokenizer("abc")
    with pytest.raises(UserError) as caught:
        tokenizer.encode(f"cab{unknown}a")
    message = str(caught.value)
    place = 3 + len(unknown) - 1
    assert f"U+{ord(unknown[-1]):04X}" in message
    assert f"first at character {place}" in message
    assert "its vocabulary has 3 other characters" in message
    assert "use a bytes or bpe tokenizer" in message
    assert message.isprintable()


def test_only_five_of_many_unknown_characters_are_named():
    with pytest.raises(
        UserError, match=r"'b' \(U\+0062\), .*'f' \(U\+0066\) and 3 more, first at character 1;"
    ):
        CharacterTokenizer("a").encode("aihgfedcba")


@pytest.mark.parametrize(
    ("alphabet", "message"),
    [
        ("", "the alphabet is empty"),
        (["a", "bc"], "'bc'"),
        (["a", ""], "''"),
        ("\ud800", "U.D800"),
    ],
)
def test_an_invalid_alphabet_is_refused(alphabet, message):
    with pytest.raises(UserError, match=message):
        CharacterTokenizer(alphabet)


def test_the_saved_file_refuses_unknown_characters_in_the_tokenizers_library_too():
    reference = Reference.from_str(json.dumps(CharacterTokenizer("abc").to_json()))
    with pytest.raises(Exception, match="Missing"):
        reference.encode("abz")
