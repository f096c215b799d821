"""Losses of preferences: gradients, papers and the published code, restated in PyTorch.

The lines of TRL are those of ``trl/trainer/dpo_trainer.py`` (branches sigmoid, robust and ipo of
``_compute_loss``) and of ``trl/trainer/reward_trainer.py`` (``compute_loss``), TRL 1.16.0. Those of
conservative DPO and of IPO by sums are ``preference_loss`` of ``trainers.py`` in
github.com/eric-mitchell/direct-preference-optimization.
"""

import math

import numpy as np
import pytest

from scratchgpt.chat.preference_loss import (
    check_dpo_loss,
    dpo_loss_backward,
    dpo_loss_forward,
    reward_loss_backward,
    reward_loss_forward,
    sigmoid,
    softplus,
)
from scratchgpt.errors import UserError
from scratchgpt.verify import check_vjp

NOISE = {"conservative": 0.2, "robust": 0.2}
LOSSES = ("sigmoid", "conservative", "robust", "ipo", "ipo_mean")
each_loss = pytest.mark.parametrize("kind", LOSSES)


def shares(rng, n):
    weights = rng.uniform(0.5, 2, n)
    return weights / weights.sum()


@each_loss
@pytest.mark.parametrize("method", ["complex", "adjoint"])
def test_the_gradient_of_dpo_is_the_derivative(kind, method, rng):
    weights = shares(rng, 7)

    def forward(delta):
        return dpo_loss_forward(delta, weights, kind=kind, beta=0.7, noise=NOISE.get(kind, 0))

    def backward(dloss, saved):
        return dpo_loss_backward(dloss, saved)

    inputs = {"delta": 3 * rng.standard_normal(7)}
    check_vjp(forward, backward, inputs, method=method).raise_if_failed()


@pytest.mark.parametrize("centering", [0.0, 0.3])
def test_the_gradient_of_the_reward_loss_is_the_derivative(centering, rng):
    weights, margins = shares(rng, 7), rng.standard_normal(7)

    def forward(winners, losers):
        return reward_loss_forward(winners, losers, margins, weights, centering=centering)

    inputs = {name: 2 * rng.standard_normal(7) for name in ("winners", "losers")}
    check_vjp(forward, reward_loss_backward, inputs, method="complex").raise_if_failed()


def peer_dpo(torch, kind, chosen, rejected, ref_chosen, ref_rejected, lengths, beta, noise):
    """The published lines, on log-probabilities (P,) and numbers of tokens (2, P)."""
    logsigmoid = torch.nn.functional.logsigmoid
    if kind in ("sigmoid", "robust", "ipo_mean"):  # TRL
        chosen_scores = chosen - ref_chosen
        rejected_scores = rejected - ref_rejected
        delta_score = chosen_scores - rejected_scores
        if kind == "sigmoid":
            return -logsigmoid(beta * delta_score)
        if kind == "robust":
            clean_loss_term = -(1 - noise) * logsigmoid(beta * delta_score)
            flipped_loss_term = -noise * logsigmoid(-beta * delta_score)
            return (clean_loss_term - flipped_loss_term) / (1 - 2 * noise)
        lengths = lengths.clamp(min=1.0)
        ipo_delta = chosen_scores / lengths[0] - rejected_scores / lengths[1]
        return (ipo_delta - 1 / (2 * beta)) ** 2
    pi_logratios = chosen - rejected
    ref_logratios = ref_chosen - ref_rejected
    logits = pi_logratios - ref_logratios
    if kind == "ipo":
        return (logits - 1 / (2 * beta)) ** 2
    return -logsigmoid(beta * logits) * (1 - noise) - logsigmoid(-beta * logits) * noise


@each_loss
def test_dpo_equals_the_published_code(kind, rng, torch, assert_close):
    n, beta, noise = 9, 0.3, NOISE.get(kind, 0.0)
    values = [torch.tensor(-20 * rng.random(n), requires_grad=i < 2) for i in range(4)]
    lengths = torch.tensor(rng.integers(1, 20, (2, n)))
    losses = peer_dpo(torch, kind, *values, lengths, beta, noise)
    losses.mean().backward()

    chosen, rejected, ref_chosen, ref_rejected = (value.detach().numpy() for value in values)
    per = lengths.numpy() if kind == "ipo_mean" else np.ones((2, n))
    delta = (chosen - ref_chosen) / per[0] - (rejected - ref_rejected) / per[1]
    weights = np.full(n, 1 / n)
    loss, saved = dpo_loss_forward(delta, weights, kind=kind, beta=beta, noise=noise)
    ddelta = dpo_loss_backward(1.0, saved)
    assert_close(loss, losses.mean().item(), 1e-12)
    assert_close(ddelta / per[0], values[0].grad.numpy(), 1e-12)
    assert_close(-ddelta / per[1], values[1].grad.numpy(), 1e-12)


@pytest.mark.parametrize("centering", [None, 0.01])
@pytest.mark.parametrize("has_margin", [False, True])
def test_the_reward_loss_equals_that_of_trl(centering, has_margin, rng, torch, assert_close):
    n = 9
    rewards_chosen, rewards_rejected = (
        torch.tensor(3 * rng.standard_normal(n), requires_grad=True) for _ in range(2)
    )
    margin = rng.random(n) if has_margin else np.zeros(n)
    logsigmoid = torch.nn.functional.logsigmoid
    if has_margin:
        loss = -logsigmoid(rewards_chosen - rewards_rejected - torch.tensor(margin)).mean()
    else:
        loss = -logsigmoid(rewards_chosen - rewards_rejected).mean()
    if centering is not None:
        loss = loss + centering * torch.mean((rewards_chosen + rewards_rejected) ** 2)
    loss.backward()
    scores = [value.detach().numpy() for value in (rewards_chosen, rewards_rejected)]
    own, saved = reward_loss_forward(*scores, margin, np.full(n, 1 / n), centering=centering or 0.0)
    dwinners, dlosers = reward_loss_backward(1.0, saved)
    assert_close(own, loss.item(), 1e-12)
    assert_close(dwinners, rewards_chosen.grad.numpy(), 1e-12)
    assert_close(dlosers, rewards_rejected.grad.numpy(), 1e-12)


@each_loss
@pytest.mark.parametrize("beta", [0.1, 0.5])
def test_the_loss_of_equal_models_is_known(kind, beta):
    loss, saved = dpo_loss_forward(
        np.zeros(4), np.full(4, 0.25), kind=kind, beta=beta, noise=NOISE.get(kind, 0)
    )
    if kind in ("ipo", "ipo_mean"):
        assert loss == pytest.approx(1 / (4 * beta**2), rel=1e-15)
    else:
        assert loss == pytest.approx(math.log(2), rel=1e-15)
    if kind == "sigmoid":
        np.testing.assert_array_equal(dpo_loss_backward(1.0, saved), np.full(4, -beta / 8))


def test_the_k_wise_loss_is_the_mean_over_all_pairs(rng, assert_close):
    scores = rng.standard_normal(5)
    pairs = np.array([(i, j) for i in range(5) for j in range(i + 1, 5)])
    loss, _ = reward_loss_forward(
        scores[pairs[:, 0]], scores[pairs[:, 1]], np.zeros(10), np.full(10, 1 / 10)
    )
    each = [math.log(1 + math.exp(scores[j] - scores[i])) for i, j in pairs]
    assert_close(loss, sum(each) / math.comb(5, 2), 1e-14)


def test_nothing_overflows():
    x = np.array([-1e4, -40.0, 0.0, 40.0, 1e4])
    with np.errstate(all="raise", under="ignore"):
        assert softplus(x).tolist() == [0, math.exp(-40), math.log(2), 40, 1e4]
        assert sigmoid(x)[[0, 2, 4]].tolist() == [0, 0.5, 1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("sigmiod", 0.1, 0), "loss='sigmiod' is not one of .*; did you mean 'sigmoid'"),
        (("sigmoid", 0, 0), "beta=0 must be greater than 0"),
        (("sigmoid", float("inf"), 0), "beta=inf"),
        (("robust", 0.1, 0.5), "noise=0.5 must be at least 0 and below 0.5"),
        (("robust", 0.1, 0), "loss='robust' with noise=0 is the loss sigmoid"),
        (("ipo", 0.1, 0.1), "noise=0.1 has no effect with loss='ipo'"),
    ],
    ids=range(6),
)
def test_wrong_settings_are_refused(arguments, message):
    with pytest.raises(UserError, match=message):
        check_dpo_loss(*arguments)
