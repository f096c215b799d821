import numpy as np
import pytest

from scratchgpt.generation.words import END, weights_of_words, words_of
from scratchgpt.text import BPETokenizer, ByteTokenizer, CharacterTokenizer, train_bpe


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("two dogs run", ["two", "dogs", "run"]),
        ("Hunde, groß und klein.", ["Hunde", ",", "groß", "und", "klein", "."]),
        ('"No," he said', ['"', "No", ',"', "he", "said"]),
        ("3 dogs", ["3", "dogs"]),
    ],
)
def test_bytes_and_pieces_are_joined_to_words(text, words):
    joint = train_bpe([text * 3], 270)
    assert isinstance(joint, BPETokenizer)
    for tokenizer in (ByteTokenizer(), joint):
        found = words_of(tokenizer, tokenizer.encode(text))
        assert [word for word, _ in found] == words
        places = [place for _, places in found for place in places]
        assert places == list(range(len(tokenizer.encode(text))))


def test_the_end_is_a_word_of_its_own():
    tokenizer = ByteTokenizer()
    tokens = [*tokenizer.encode("ab"), tokenizer.end_of_text]
    assert words_of(tokenizer, tokens) == [("ab", [0, 1]), (END, [2])]


def test_of_characters_each_is_a_word_and_a_space_can_be_seen():
    tokenizer = CharacterTokenizer("a 1", end_of_text=True)
    tokens = [*tokenizer.encode("a 1"), tokenizer.end_of_text]
    assert [word for word, _ in words_of(tokenizer, tokens)] == ["a", "␣", "1", END]


def test_weights_of_a_source_word_add_up_and_those_of_a_target_word_are_averaged():
    weights = np.array([[0.1, 0.2, 0.7], [0.3, 0.4, 0.3], [1.0, 0.0, 0.0]])
    merged = weights_of_words(weights, [("ab", [0, 1]), ("c", [2])], [("x", [0, 1]), ("y", [2])])
    np.testing.assert_allclose(merged, [[0.5, 0.5], [1.0, 0.0]])
    np.testing.assert_allclose(merged.sum(axis=1), 1)
