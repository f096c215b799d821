import numpy as np
import pytest

from scratchgpt.backend import random_stream
from scratchgpt.chat import DPO, reference_log_probs
from scratchgpt.chat.answer_log_probs import answer_log_probs_backward, answer_log_probs_forward
from scratchgpt.chat.enumerable_world import (
    BLOCK_SIZE,
    VOCAB_SIZE,
    World,
    answer_distribution,
    best_policy,
    total_variation,
    world_answers,
    world_preferences,
)
from scratchgpt.chat.grpo import GRPO
from scratchgpt.chat.rollout_batches import RolloutBatches
from scratchgpt.chat.token_log_probs import (
    next_tokens,
    token_log_probs_backward,
    token_log_probs_forward,
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


def test_grpo_finds_the_best_policy(reference):
    best = best_policy(answer_distribution(reference), REWARDS, 0.5)
    model, world = reference.astype(np.float32), World(REWARDS)
    grpo = GRPO(model, n_samples=128, max_length=3, beta=0.5, scale_rewards=False)
    batches = RolloutBatches(world, world, n_prompts=1, n_samples=128, inner_epochs=2, seed=0)
    config = TrainConfig(
        steps=400, lr=1e-2, min_lr=0.0, weight_decay=0.0, eval_interval=0, log_interval=400
    )
    Trainer(grpo, batches, config).train()
    assert total_variation(answer_distribution(model), best) < 0.03


ESTIMATORS = {  # an estimate of the KL divergence, and its derivative
    "k1": (lambda d: d, np.ones_like),
    "k2": (lambda d: d**2 / 2, lambda d: d),
    "k3": (lambda d: np.exp(-d) - 1 + d, lambda d: 1 - np.exp(-d)),
}


def expected_gradient(model, reference, estimator, place):
    """The expectation of a gradient of reward and penalty, over all answers of the policy."""
    batch = world_preferences(REWARDS).train_batch(0)
    tokens, targets = next_tokens(batch.tokens, batch.counted)
    log_probs, saved = token_log_probs_forward(model, tokens, targets)
    d = log_probs - token_log_probs_forward(reference, tokens, targets)[0]
    p = np.exp(log_probs.sum(axis=1, keepdims=True))
    estimate, slope = ESTIMATORS[estimator]
    if place == "reward":
        rewards = REWARDS[:, None] - 0.5 * estimate(d).sum(axis=1, keepdims=True)
        dlog_probs = p * rewards * np.ones_like(d)
    else:
        dlog_probs = p * (REWARDS[:, None] - 0.5 * slope(d))
    model.store.zero_grad()
    token_log_probs_backward(dlog_probs, model, saved)
    return model.store.grads.copy()


@pytest.fixture
def policies(reference):
    """A reference and a policy that has moved away from it, in float64."""
    policy = reference.astype(np.float64)
    for name, value in policy.arrays().items():
        value[...] += 0.15 * random_stream(1, name).standard_normal(value.shape)
    return policy, reference.astype(np.float64)


def true_gradient(model, reference):
    """The gradient of the mean reward minus 0.5 times the KL divergence, by its definition."""
    batch = world_preferences(REWARDS).train_batch(0)
    inputs = next_tokens(batch.tokens, batch.counted)
    log_p, saved = answer_log_probs_forward(model, *inputs)
    log_q, _ = answer_log_probs_forward(reference, *inputs)
    model.store.zero_grad()
    dlog_p = np.exp(log_p) * (REWARDS - 0.5 * (log_p - log_q) - 0.5)
    answer_log_probs_backward(dlog_p, model, saved)
    return model.store.grads.copy()


@pytest.mark.parametrize(
    ("estimator", "place", "lowest", "highest"),
    [
        ("k1", "reward", 0, 1e-12),
        ("k3", "reward", 0.05, np.inf),
        ("k1", "loss", 0.2, np.inf),
        ("k2", "loss", 0.05, np.inf),
        ("k3", "loss", 0.05, np.inf),
    ],
)
def test_only_k1_in_the_reward_has_the_right_gradient(estimator, place, lowest, highest, policies):
    true = true_gradient(*policies)
    found = expected_gradient(*policies, estimator, place)
    error = np.linalg.norm(found - true) / np.linalg.norm(true)
    assert lowest <= error <= highest


def test_the_true_gradient_is_the_derivative(policies):
    model, reference = policies
    true = true_gradient(*policies)
    direction = random_stream(0, "direction").standard_normal(true.shape)
    q = answer_distribution(reference)
    start = model.store.values.copy()

    def value(step):
        model.store.values[...] = start + step * direction
        p = answer_distribution(model)
        return (p * REWARDS).sum() - 0.5 * (p * np.log(p / q)).sum()

    slope = (value(1e-6) - value(-1e-6)) / 2e-6
    assert slope == pytest.approx((true * direction).sum(), rel=1e-7)
