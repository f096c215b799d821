import pytest

from scratchgpt.evaluation import exact_match


def test_right_answers_match_exactly():
    match = exact_match(["1", "23"], ["1", "23"])
    assert (match.n, match.n_correct, match.fraction) == (2, 2, 1.0)
    assert match.failures == []


def test_one_wrong_symbol_makes_an_answer_wrong_and_is_shown():
    match = exact_match(["99+99=801", "1+1=2"], ["99+99=891", "1+1=2"])
    assert match.failures == [("99+99=801", "99+99=891")]
    assert match.n_correct == match.n - 1
    assert match.fraction == 0.5


def test_predictions_and_references_must_have_the_same_length():
    with pytest.raises(ValueError, match="there are 3 predictions for 1000 answers"):
        exact_match(["", "", ""], [""] * 1000)
    with pytest.raises(ValueError, match="there are no predictions"):
        exact_match([], [])
