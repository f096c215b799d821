import numpy as np
import pytest

from scratchgpt.chat.synthetic import (
    WORDS,
    bayes_accuracy,
    synthetic_preferences,
    true_reward,
)


def test_preferences_follow_the_true_reward():
    preferences = synthetic_preferences(4000, seed=1)
    differences = np.array(
        [true_reward(one.answers[0]) - true_reward(one.answers[1]) for one in preferences]
    )
    first_wins = np.array([one.pairs[0] == (0, 1) for one in preferences])
    for low, high in ((-2, -1), (-1, 0), (0, 1), (1, 2)):
        some = (low < differences) & (differences < high)
        expected = (1 / (1 + np.exp(-differences[some]))).mean()
        assert first_wins[some].mean() == pytest.approx(expected, abs=0.04)
    best = np.maximum(1 / (1 + np.exp(-differences)), 1 / (1 + np.exp(differences))).mean()
    assert bayes_accuracy(preferences) == pytest.approx(best, abs=0.02)


def test_the_reward_of_an_answer_is_the_sum_of_its_words():
    assert true_reward("amber birch") == pytest.approx(true_reward("amber") + true_reward("birch"))
    assert sorted(true_reward(word) for word in WORDS)[0] == -1
    assert sum(true_reward(word) for word in WORDS) == pytest.approx(0)


def test_the_same_seed_gives_the_same_preferences():
    assert synthetic_preferences(20, seed=3) == synthetic_preferences(20, seed=3)
    assert synthetic_preferences(20, seed=3) != synthetic_preferences(20, seed=4)
