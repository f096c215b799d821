import numpy as np
import pytest

from scratchgpt.backend import random_stream
from scratchgpt.chat import DPO, reference_log_probs
from scratchgpt.chat.enumerable_world import (
    BLOCK_SIZE,
    VOCAB_SIZE,
    answer_distribution,
    best_policy,
    total_variation,
    world_answers,
    world_preferences,
)
from scratchgpt.models import GPT, GPTConfig
from scratchgpt.training import TrainConfig, Trainer

REWARDS = random_stream(0, "rewards").standard_normal(40)


@pytest.fixture
def reference():
    sizes = {"n_layer": 1, "n_head": 2, "n_embd": 16}
    model = GPT(GPTConfig(**sizes, block_size=BLOCK_SIZE, vocab_size=VOCAB_SIZE))
    for name, value in model.arrays().items():
        value[...] += 0.1 * random_stream(0, name).standard_normal(value.shape)
    return model


def test_there_are_40_answers_whose_probabilities_sum_to_1(reference):
    answers = world_answers()
    assert len({tuple(row) for row in answers}) == len(answers) == 40
    assert answer_distribution(reference).sum() == pytest.approx(1, rel=1e-6)


def test_no_other_policy_has_a_higher_objective(reference, rng):
    p = answer_distribution(reference).astype(np.float64)
    best = best_policy(p, REWARDS, 0.5)

    def value(q):
        return (q * REWARDS).sum() - 0.5 * (q * np.log(q / p)).sum()

    assert value(best) == pytest.approx(0.5 * np.log((p * np.exp(REWARDS / 0.5)).sum()), rel=1e-6)
    for _ in range(20):
        other = best * np.exp(0.1 * rng.standard_normal(40))
        assert value(other / other.sum()) < value(best)


def test_dpo_finds_the_best_policy(reference):
    batches = world_preferences(REWARDS)
    best = best_policy(answer_distribution(reference), REWARDS, 0.5)
    model = reference.astype(np.float32)
    assert total_variation(answer_distribution(model), best) > 0.5
    dpo = DPO(model, reference_log_probs(reference, batches), beta=0.5)
    config = TrainConfig(
        steps=300, lr=1e-2, min_lr=0.0, weight_decay=0.0, eval_interval=0, log_interval=300
    )
    Trainer(dpo, batches, config).train()
    assert total_variation(answer_distribution(model), best) < 0.001
