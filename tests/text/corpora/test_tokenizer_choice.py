import pytest

from scratchgpt.errors import UserError
from scratchgpt.text import ByteTokenizer, CharacterTokenizer, choose_tokenizer, learn_tokenizer
from scratchgpt.text.corpora.tokenizer_choice import UntrainedTokenizer


def test_a_spec_selects_a_tokenizer(tmp_path):
    letters = CharacterTokenizer("abc")
    letters.save(tmp_path / "tokenizer.json")
    assert isinstance(choose_tokenizer("bytes"), ByteTokenizer)
    assert choose_tokenizer("characters") == UntrainedTokenizer("characters")
    assert choose_tokenizer("bpe:300") == UntrainedTokenizer("bpe:300", 300)
    assert choose_tokenizer(letters) is letters
    for path in (tmp_path, tmp_path / "tokenizer.json"):
        assert choose_tokenizer(str(path)).fingerprint == letters.fingerprint


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("bpe", "'bpe' needs a vocabulary size, for example bpe:4096"),
        ("bpe:", "needs a vocabulary size"),
        ("bpe:4k", "needs a vocabulary size"),
        ("bpe:-300", "needs a vocabulary size"),
        ("bpe:٣٠٠", "needs a vocabulary size"),
        ("bpe:256", "256 is too small"),
        ("bpe:999999999999", "999,999,999,999 is too large"),
        ("bpe:" + "9" * 5000, "needs a vocabulary size"),
        ("byte", "'byte' is not characters, bytes, bpe:SIZE or the path.*did you mean 'bytes'"),
        ("gone/tokenizer.json", "is not characters, bytes, bpe:SIZE or the path"),
    ],
)
def test_an_invalid_spec_is_refused(spec, message):
    with pytest.raises(UserError, match=message):
        choose_tokenizer(spec)


def test_a_tokenizer_is_trained_on_all_files_of_a_corpus(write):
    paths = [write("a.txt", "abab"), write("b.txt", "cé")]
    reports = []
    letters = learn_tokenizer(paths, "characters", progress=lambda *report: reports.append(report))
    assert letters.characters == ["a", "b", "c", "é"]
    assert reports == [("learning characters", 4, 7), ("learning characters", 7, 7)]
    bpe = learn_tokenizer(paths, "bpe:258")
    assert bpe.decode(bpe.encode("abab")) == "abab"
    assert bpe.vocab_size == 258


def test_a_tokenizer_that_needs_no_training_is_refused(write):
    with pytest.raises(UserError, match="'bytes' is not trained on text"):
        learn_tokenizer([write("a.txt", "a")], "bytes")
    with pytest.raises(UserError, match="the corpus is empty"):
        learn_tokenizer([write("a.txt", "")], "characters")
