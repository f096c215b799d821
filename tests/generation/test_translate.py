import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.generation import beam_search, translate, translate_n_best
from scratchgpt.text import ByteTokenizer, train_bpe

TEXTS = ["a dog", "two small dogs run", "a", "the text is enough", "dogs", "a dog"]


@pytest.fixture(scope="module")
def bpe():
    return train_bpe(["a small text is enough; a small vocabulary too; two dogs run"], 270)


@pytest.fixture
def model(make_transformer, bpe):
    return make_transformer(vocab_size=bpe.vocab_size, block_size=24, padding_id=None)


def alone(model, bpe, text, **options):
    source = np.append(bpe.encode(text), bpe.end_of_text)
    return beam_search(model, source[None], end_of_text=bpe.end_of_text, **options)[0]


@pytest.mark.parametrize("batch_size", [1, 4, 64])
def test_translations_are_what_the_search_finds_for_each_text_alone(model, bpe, batch_size):
    results = translate_n_best(
        model, bpe, TEXTS, n_best=2, n_beams=3, alpha=1.0, batch_size=batch_size
    )
    for text, translations in zip(TEXTS, results, strict=True):
        expected = alone(model, bpe, text, n_best=2, n_beams=3, alpha=1.0)
        assert [t.tokens.tolist() for t in translations] == [h.tokens.tolist() for h in expected]
        assert [t.text for t in translations] == [bpe.decode(h.tokens) for h in expected]
        for t, h in zip(translations, expected, strict=True):
            assert t.score == pytest.approx(h.score, rel=1e-12)
            assert t.log_probability == pytest.approx(h.log_probability, rel=1e-12)
            assert t.finish_reason == h.finish_reason
            assert t.source_tokens.tolist() == [*bpe.encode(text), bpe.end_of_text]


def test_the_best_of_them_is_the_translation(model, bpe):
    best = translate_n_best(model, bpe, TEXTS, n_best=4)
    assert translate(model, bpe, TEXTS) == [translations[0].text for translations in best]


def test_a_limit_holds_for_each_of_them(model, bpe):
    for translations in translate_n_best(model, bpe, TEXTS, max_length=3, n_best=4):
        assert all(len(t.tokens) <= 3 for t in translations)


def test_progress_is_reported(model, bpe):
    told = []
    translate(model, bpe, TEXTS, max_length=2, batch_size=4, on_progress=told.append)
    assert told == [4, len(TEXTS)]


def test_no_texts_give_no_translations(model, bpe):
    assert translate(model, bpe, []) == []


@pytest.mark.parametrize("empty", ["", "  \n"])
def test_an_empty_text_is_refused(model, bpe, empty):
    with pytest.raises(UserError, match="text 2 of 3 is empty; there is nothing to translate"):
        translate(model, bpe, ["a dog", empty, "dogs"])


def test_a_text_longer_than_the_positions_is_refused(model, bpe):
    n_tokens = len(bpe.encode("dogs " * 20)) + 1
    message = f"text 1 of 1 has {n_tokens} tokens, more than the 24 positions of the model"
    with pytest.raises(UserError, match=message):
        translate(model, bpe, ["dogs " * 20])


def test_a_tokenizer_that_is_not_the_models_is_refused(model, bpe, make_transformer):
    with pytest.raises(UserError, match="the tokenizer has 256 tokens but the model has"):
        translate(model, ByteTokenizer(), ["a"])
    with pytest.raises(UserError, match="the tokenizer has no end_of_text token"):
        translate(make_transformer(vocab_size=256), ByteTokenizer(), ["a"])


def test_a_batch_holds_something(model, bpe):
    with pytest.raises(UserError, match="batch_size=0 must be at least 1"):
        translate(model, bpe, ["a"], batch_size=0)


def test_one_string_in_place_of_a_list_of_texts_is_refused(model, bpe):
    with pytest.raises(TypeError, match="texts must be a list of strings"):
        translate(model, bpe, "a dog")
