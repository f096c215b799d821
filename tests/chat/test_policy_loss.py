import numpy as np
import pytest

from scratchgpt.chat.policy_loss import (
    DENOMINATORS,
    check_policy_loss,
    clip_fraction,
    policy_loss_backward,
    policy_loss_forward,
    token_weights,
)
from scratchgpt.errors import UserError

MAX_LENGTH = 6
CLIP = {"clip_low": 0.2, "clip_high": 0.3}


@pytest.fixture
def answers(rng):
    """Seven answers of 1 to 5 tokens, of which about half are clipped."""
    counted = np.arange(5) < rng.integers(1, 6, (7, 1))
    old = np.where(counted, -rng.random((7, 5)), 0)
    log_probs = np.where(counted, old + 0.5 * rng.standard_normal((7, 5)), 0)
    return log_probs, old, rng.standard_normal((7, 5)), counted


each_denominator = pytest.mark.parametrize("denominator", DENOMINATORS)


def trl_loss(torch, log_probs, old, advantages, mask, loss_type):
    """Restate lines 3078 to 3174 of trl/trainer/grpo_trainer.py, TRL 1.16.0.

    With one process, one update per phase and no accumulation. With more updates, dapo divides by
    the mean of their numbers of tokens there, and here each update divides by its own number.
    """
    coef_1 = torch.exp(log_probs - old)
    coef_2 = torch.clamp(coef_1, 1 - CLIP["clip_low"], 1 + CLIP["clip_high"])
    per_token_loss = -torch.min(coef_1 * advantages, coef_2 * advantages)
    if loss_type == "grpo":
        return ((per_token_loss * mask).sum(-1) / mask.sum(-1).clamp(min=1.0)).mean()
    if loss_type == "dr_grpo":
        return (per_token_loss * mask).sum() / (per_token_loss.size(0) * MAX_LENGTH)
    return (per_token_loss * mask).sum() / mask.sum().clamp(min=1.0)


@each_denominator
@pytest.mark.parametrize("per_token", [True, False])
def test_it_equals_trl(denominator, per_token, answers, torch, assert_close):
    log_probs, old, advantages, counted = answers
    if not per_token:
        advantages = advantages[:, :1]
    weights = token_weights(counted, denominator, MAX_LENGTH)
    loss, saved = policy_loss_forward(log_probs, old, advantages, weights, **CLIP)
    given = torch.tensor(log_probs, requires_grad=True)
    others = (torch.tensor(x) for x in (old, advantages, counted.astype(np.float64)))
    expected = trl_loss(torch, given, *others, denominator)
    expected.backward()
    assert 0.1 < clip_fraction(saved) < 0.9
    assert_close(loss, expected.item(), 1e-12)
    assert_close(policy_loss_backward(1.0, saved), given.grad.numpy(), 1e-12)


@each_denominator
def test_the_gradient_is_the_derivative(denominator, answers, rng, assert_close):
    log_probs, old, advantages, counted = answers
    weights = token_weights(counted, denominator, MAX_LENGTH)
    _, saved = policy_loss_forward(log_probs, old, advantages, weights, **CLIP)
    direction = rng.standard_normal(log_probs.shape)
    step = log_probs + 1e-30j * direction
    loss, _ = policy_loss_forward(step, old, advantages, weights, **CLIP)
    gradient = policy_loss_backward(1.7, saved)
    assert_close((gradient * direction).sum(), 1.7 * loss.imag / 1e-30, 1e-12)


def test_only_ratios_that_gain_beyond_the_bounds_are_clipped():
    ratios = np.array([[0.7, 0.7, 1.4, 1.4, 1.1]])
    advantages = np.array([[-1.0, 1.0, -1.0, 1.0, 1.0]])
    _, saved = policy_loss_forward(
        np.log(ratios), np.zeros((1, 5)), advantages, np.full((1, 5), 0.2), **CLIP
    )
    assert saved.clipped.tolist() == [[True, False, False, True, False]]
    assert clip_fraction(saved) == pytest.approx(0.4)


@each_denominator
def test_parts_weighted_by_answers_give_the_whole(denominator, answers, assert_close):
    log_probs, old, advantages, counted = answers
    weights = token_weights(counted, denominator, MAX_LENGTH)
    whole, _ = policy_loss_forward(log_probs, old, advantages, weights)
    parts = [slice(0, 2), slice(2, 7)]
    losses = [
        policy_loss_forward(*(x[part] for x in (log_probs, old, advantages, weights)))[0]
        for part in parts
    ]
    assert_close((2 * losses[0] + 5 * losses[1]) / 7, whole, 1e-14)


def test_bad_settings_are_refused():
    with pytest.raises(UserError, match="did you mean 'dapo'"):
        check_policy_loss("dap", 0.2, 0.2)
    for low, high in ((0, 0.2), (1, 0.2), (0.2, 0), (0.2, float("inf")), (float("nan"), 0.2)):
        with pytest.raises(UserError, match="clip_"):
            check_policy_loss("grpo", low, high)
