import numpy as np
import pytest

from scratchgpt.backend import random_stream
from scratchgpt.chat.best_of_n import best_of_n, best_of_n_divergence, best_of_n_policy
from scratchgpt.chat.enumerable_world import (
    BLOCK_SIZE,
    VOCAB_SIZE,
    World,
    answer_distribution,
    total_variation,
    world_answers,
)
from scratchgpt.models import GPT, GPTConfig

REWARDS = random_stream(0, "rewards").standard_normal(40)


@pytest.fixture
def model():
    sizes = {"n_layer": 1, "n_head": 2, "n_embd": 8, "block_size": BLOCK_SIZE}
    return GPT(GPTConfig(**sizes, vocab_size=VOCAB_SIZE))


def test_samples_have_the_known_distribution(model):
    world = World(REWARDS)
    known = best_of_n_policy(answer_distribution(model).astype(np.float64), REWARDS, 4)
    rollouts, rewards = best_of_n(model, world, world, np.zeros(4000, np.int64), 4)
    answers = [tuple(answer) for answer in rollouts.answers()]
    texts = [tuple(row[row != 0]) for row in world_answers()]
    shares = np.array([answers.count(text) for text in texts]) / len(answers)
    assert known.sum() == pytest.approx(1)
    # The expectation of the total variation of 4,000 samples is about 0.03.
    assert total_variation(shares, known) < 0.06
    error = rewards.std() / np.sqrt(len(rewards))
    assert abs(rewards.mean() - (known * REWARDS).sum()) < 4 * error


def test_one_answer_is_a_sample_of_the_policy(model):
    p = answer_distribution(model)
    np.testing.assert_allclose(best_of_n_policy(p, REWARDS, 1), p, atol=1e-6)
    assert best_of_n_divergence(1) == 0


@pytest.mark.parametrize("n", [2, 8, 64])
def test_the_divergence_is_below_its_bound(n):
    many = np.full(4000, 1 / 4000)
    rewards = random_stream(0, "many").standard_normal(4000)
    for p, r, nearly in ((np.full(40, 1 / 40), REWARDS, False), (many, rewards, True)):
        q = best_of_n_policy(p, r, n)
        divergence = (q * np.log(q / p)).sum()
        assert divergence < best_of_n_divergence(n)
        assert not nearly or divergence > best_of_n_divergence(n) - 0.02
