import sys

import pytest

from scratchgpt.errors import UserError
from scratchgpt.evaluation import translation_scores

REFERENCES = ["A dog runs through the deep snow.", "Two men are sitting on a bench."]


def test_the_reference_itself_scores_100():
    scores = translation_scores(REFERENCES, REFERENCES)
    assert scores[:3] == pytest.approx((100, 100, 100))


def test_upper_and_lower_case_count_in_one_of_the_two():
    scores = translation_scores([text.upper() for text in REFERENCES], REFERENCES)
    assert scores.bleu < 20 < scores.bleu_lowercase
    assert "case:mixed" in scores.signatures[0]
    assert "case:lc" in scores.signatures[1]


def test_scores_are_those_of_sacrebleu():
    from sacrebleu.metrics import BLEU, CHRF

    given = ["A dog runs through snow.", "Two men sit on a bench."]
    scores = translation_scores(given, REFERENCES)
    assert scores.bleu == BLEU().corpus_score(given, [REFERENCES]).score
    assert scores.chrf == CHRF().corpus_score(given, [REFERENCES]).score


def test_without_sacrebleu_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sacrebleu.metrics", None)
    with pytest.raises(UserError, match=r"scratchgpt-numpy\[translation\]"):
        translation_scores(REFERENCES, REFERENCES)


CHINESE = ["今天天气很好，我们去公园散步。", "他在图书馆里看书学习汉语。"]
CHANGED = ["今天天气很好，我们去公园散步吧。", CHINESE[1]]


@pytest.mark.parametrize("language", ["zh", "zh-TW", "zh_cn", "zho"])
def test_chinese_is_split_as_sacrebleu_does(language):
    scores = translation_scores(CHANGED, CHINESE, language)
    assert scores.bleu == pytest.approx(93.1, abs=0.05)  # sacrebleu -l en-zh
    assert "tok:zh" in scores.signatures[0]
    assert scores.note is None


@pytest.mark.parametrize(
    ("language", "substitute"), [("ja", "char"), ("ja_JP", "char"), ("ko", "13a"), ("ko-KR", "13a")]
)
def test_a_way_to_split_words_that_needs_mecab_is_used_or_noted(language, substitute):
    scores = translation_scores(CHANGED, CHINESE, language)
    mecab = f"tok:{language[:2]}-mecab" in scores.signatures[0]
    assert mecab or f"tok:{substitute}" in scores.signatures[0]
    assert mecab == (scores.note is None)
    assert mecab or f"pip install 'sacrebleu[{language[:2]}]'" in scores.note
    assert mecab or "\n" not in scores.note


def test_references_without_spaces_are_noted_if_their_language_is_not_known():
    for language in (None, "en", "txt"):
        scores = translation_scores(CHANGED, CHINESE, language)
        assert scores.bleu == 0
        assert "the references are mostly without spaces" in scores.note
    assert translation_scores(REFERENCES, REFERENCES).note is None
    dates = ["2026-11-25", "2026-11-26"]
    assert translation_scores(dates, dates).note is None
