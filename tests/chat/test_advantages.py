"""Advantages: definitions, padding, and the published code.

The formulas of TRL are those of ``masked_whiten`` and of steps 4 to 6 of ``train`` in
``trl/experimental/ppo/ppo_trainer.py`` of TRL 1.12.0, the last version with PPO; those of
lm-human-preferences are ``whiten`` in ``utils/core.py`` and ``loss`` in ``train_policy.py`` of
github.com/openai/lm-human-preferences at cbfd210bb8b0.
"""

import numpy as np
import pytest

from scratchgpt.chat.advantages import (
    explained_variance,
    gae,
    kl_estimates,
    token_rewards,
    whiten,
)

N, T = 7, 9


@pytest.fixture
def counted(rng):
    """Answers of random lengths at random places, one of a single token, one without padding."""
    starts = rng.integers(0, 5, N)
    ends = np.minimum(starts + rng.integers(1, 7, N), T)
    starts[0], ends[0], starts[1], ends[1] = 3, 4, 0, T
    places = np.arange(T)
    return (places >= starts[:, None]) & (places < ends[:, None])


@pytest.fixture
def arrays(rng, counted):
    return {name: rng.standard_normal((N, T)) for name in ("rewards", "values")}


def test_gae_is_the_sum_of_its_definition(arrays, counted, assert_close):
    gamma, lam = 0.9, 0.8
    advantages = gae(**arrays, counted=counted, gamma=gamma, lam=lam)
    for i in range(N):
        rewards, values = (arrays[name][i, counted[i]] for name in ("rewards", "values"))
        after = np.append(values[1:], 0)
        delta = rewards + gamma * after - values
        n = len(delta)
        expected = [sum((gamma * lam) ** (k - t) * delta[k] for k in range(t, n)) for t in range(n)]
        assert_close(advantages[i, counted[i]], expected, 1e-14)
    assert not advantages[~counted].any()


@pytest.mark.parametrize("gamma", [1.0, 0.9])
def test_with_lambda_1_advantage_plus_value_is_the_return(gamma, arrays, counted, assert_close):
    returns = gae(**arrays, counted=counted, gamma=gamma, lam=1.0) + arrays["values"]
    for i in range(N):
        rewards = arrays["rewards"][i, counted[i]]
        expected = [
            sum(gamma**k * r for k, r in enumerate(rewards[t:])) for t in range(len(rewards))
        ]
        assert_close(returns[i, counted[i]], expected, 1e-14)


def test_what_is_at_padding_changes_nothing(arrays, counted, rng):
    clean = gae(**arrays, counted=counted, gamma=0.9, lam=0.8)
    dirty = {name: np.where(counted, value, np.nan) for name, value in arrays.items()}
    np.testing.assert_array_equal(gae(**dirty, counted=counted, gamma=0.9, lam=0.8), clean)
    for shift_mean in (False, True):
        np.testing.assert_array_equal(
            whiten(dirty["values"], counted, shift_mean=shift_mean),
            whiten(arrays["values"], counted, shift_mean=shift_mean),
        )
    kl = kl_estimates(dirty["values"], dirty["rewards"], counted)
    for estimate in kl:
        assert np.isfinite(estimate).all()
        assert not estimate[~counted].any()


def test_padding_columns_change_nothing(arrays, counted):
    wider = {name: np.pad(value, [(0, 0), (2, 3)]) for name, value in arrays.items()}
    mask = np.pad(counted, [(0, 0), (2, 3)])
    np.testing.assert_array_equal(
        gae(**wider, counted=mask, gamma=0.9, lam=0.8)[:, 2:-3],
        gae(**arrays, counted=counted, gamma=0.9, lam=0.8),
    )


def test_whitened_values_have_mean_0_and_variance_1(rng, counted):
    whitened = whiten(3 + 5 * rng.standard_normal((N, T)), counted)
    assert whitened[counted].mean() == pytest.approx(0, abs=1e-15)
    assert whitened[counted].var() == pytest.approx(1, rel=1e-8)


def test_rewards_keep_their_mean(rng, counted):
    rewards = 3 + 5 * rng.standard_normal((N, T))
    whitened = whiten(rewards, counted, shift_mean=False)
    assert whitened[counted].mean() == pytest.approx(rewards[counted].mean(), rel=1e-14)


def test_equal_values_are_whitened_to_0(counted):
    assert not whiten(np.full((N, T), 2.5), counted).any()


def test_the_score_is_at_the_last_token_of_the_answer(rng, counted):
    scores, kl = rng.standard_normal(N), rng.standard_normal((N, T))
    rewards = token_rewards(scores, kl, counted, beta=0.3)
    for i in range(N):
        places = np.flatnonzero(counted[i])
        expected = -0.3 * kl[i, places]
        expected[-1] += scores[i]
        np.testing.assert_array_equal(rewards[i, places], expected)
    assert not rewards[~counted].any()


def test_both_estimates_have_the_divergence_as_their_mean(rng):
    """Over all outcomes of a distribution, weighted by their probabilities."""
    p, q = (rng.dirichlet(np.ones(6)) for _ in range(2))
    kl = kl_estimates(np.log(p)[None], np.log(q)[None], np.ones((1, 6), bool))
    expected = (p * np.log(p / q)).sum()
    assert (p * kl.k1[0]).sum() == pytest.approx(expected, rel=1e-14)
    assert (p * kl.k3[0]).sum() == pytest.approx(expected, rel=1e-14)
    assert (kl.k3 >= 0).all()
    assert (kl.k1 < 0).any()


def test_explained_variance(rng, counted):
    returns = rng.standard_normal((N, T))
    assert explained_variance(returns, returns, counted) == 1
    assert explained_variance(returns + 5, returns, counted) == pytest.approx(1)
    assert explained_variance(np.zeros((N, T)), returns, counted) == 0
    assert explained_variance(-returns, returns, counted) == pytest.approx(-3)
    assert explained_variance(returns, np.ones((N, T)), counted) == 0


def peer_gae(torch, rewards, values, gamma, lam):
    """The published recursion, over all columns; padding has rewards and values of 0."""
    columns, last = [], 0
    for t in range(rewards.shape[1] - 1, -1, -1):
        following = values[:, t + 1] if t + 1 < rewards.shape[1] else 0.0
        last = rewards[:, t] + gamma * following - values[:, t] + gamma * lam * last
        columns.insert(0, last)
    return torch.stack(columns, axis=1)


def test_gae_equals_that_of_the_published_code(arrays, counted, torch, assert_close):
    zeroed = [torch.tensor(np.where(counted, arrays[name], 0)) for name in ("rewards", "values")]
    expected = peer_gae(torch, *zeroed, 0.9, 0.8).numpy()
    advantages = gae(**arrays, counted=counted, gamma=0.9, lam=0.8)
    assert_close(advantages[counted], expected[counted], 1e-12)


@pytest.mark.parametrize("shift_mean", [False, True])
@pytest.mark.parametrize("peer", ["lm-human-preferences", "trl"])
def test_whitening_equals_that_of_the_published_code(
    peer, shift_mean, rng, counted, torch, assert_close
):
    """TRL divides by n - 1, lm-human-preferences by n."""
    values = 2 + 3 * rng.standard_normal((N, T))
    chosen = torch.tensor(values[counted])
    variance = chosen.var(unbiased=peer == "trl")
    expected = (chosen - chosen.mean()) * torch.rsqrt(variance + 1e-8)
    if not shift_mean:
        expected += chosen.mean()
    whitened = whiten(values, counted, shift_mean=shift_mean, unbiased=peer == "trl")
    assert_close(whitened[counted], expected.numpy(), 1e-12)
