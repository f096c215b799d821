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
