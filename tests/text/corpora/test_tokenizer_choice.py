import pytest

from scratchgpt.errors import UserError
from scratchgpt.text import ByteTokenizer, CharacterTokenizer, choose_tokenizer, learn_tokenizer
from scratchgpt.text.corpora.tokenizer_choice import Learnt


def test_words_choose_tokenizers(tmp_path):
    letters = CharacterTokenizer("abc")
    letters.save(tmp_path / "tokenizer.json")
    assert isinstance(choose_tokenizer("bytes"), ByteTokenizer)
    assert choose_tokenizer("characters") == Learnt("characters")
    assert choose_tokenizer("bpe:300") == Learnt("bpe:300", 300)
    assert choose_tokenizer(letters) is letters
    for path in (tmp_path, tmp_path / "tokenizer.json"):
        assert choose_tokenizer(str(path)).fingerprint == letters.fingerprint


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("bpe", "'bpe' needs a number of tokens; for example bpe:4096"),
        ("bpe:", "needs a number"),
        ("bpe:4k", "needs a number"),
        ("bpe:-300", "needs a number"),
        ("bpe:٣٠٠", "needs a number"),
        ("bpe:256", "256 is too small"),
        ("byte", "'byte' is not characters, bytes, bpe:SIZE or the path.*did you mean 'bytes'"),
        ("gone/tokenizer.json", "is not characters, bytes, bpe:SIZE or the path"),
    ],
)
def test_a_word_that_chooses_nothing_is_refused(spec, message):
    with pytest.raises(UserError, match=message):
        choose_tokenizer(spec)


def test_a_tokenizer_is_learnt_from_all_files_of_a_corpus(write):
    paths = [write("a.txt", "abab"), write("b.txt", "cé")]
    reports = []
    letters = learn_tokenizer(paths, "characters", progress=lambda *report: reports.append(report))
    assert letters.characters == ["a", "b", "c", "é"]
    assert reports == [("learning characters", 4, 7), ("learning characters", 7, 7)]
    bpe = learn_tokenizer(paths, "bpe:258")
    assert bpe.decode(bpe.encode("abab")) == "abab"
    assert bpe.vocab_size == 258


def test_what_is_not_learnt_from_text_is_refused(write):
    with pytest.raises(UserError, match="'bytes' is not learnt from text"):
        learn_tokenizer([write("a.txt", "a")], "bytes")
    with pytest.raises(UserError, match="the corpus is empty"):
        learn_tokenizer([write("a.txt", "")], "characters")
