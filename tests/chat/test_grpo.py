import numpy as np
import pytest

from scratchgpt import kernels
from scratchgpt.backend import kernels_available, random_stream
from scratchgpt.chat.enumerable_world import BLOCK_SIZE, VOCAB_SIZE, World, answer_distribution
from scratchgpt.chat.group_experience import equal_rows, group_advantages
from scratchgpt.chat.grpo import GRPO, divergence_estimate, log_probs_of
from scratchgpt.chat.policy_loss import DENOMINATORS
from scratchgpt.chat.rollout_batches import RolloutBatches, take_rows
from scratchgpt.chat.rollouts import sample_rollouts
from scratchgpt.errors import UserError
from scratchgpt.memory import Arena
from scratchgpt.models import GPT, GPTConfig
from scratchgpt.training import TrainConfig, Trainer
from scratchgpt.verify import check_model

REWARDS = random_stream(0, "rewards").standard_normal(40)


def policy(dtype=np.float64, seed=0, **changes):
    sizes = {"n_layer": 1, "n_head": 2, "n_embd": 8, "block_size": BLOCK_SIZE, **changes}
    model = GPT(GPTConfig(**sizes, vocab_size=VOCAB_SIZE), seed=seed, dtype=dtype)
    for name, value in model.arrays().items():
        value[...] += 0.3 * random_stream(seed, name).standard_normal(value.shape)
    return model


def objective(model, **changes):
    return GRPO(model, **{"n_samples": 4, "max_length": 3, **changes})


def batches(**changes):
    world = World(REWARDS)
    return RolloutBatches(world, world, **{"n_prompts": 2, "n_samples": 4, "seed": 0, **changes})


def first_batch(grpo, **changes):
    source = batches(**changes)
    source.begin_phase(0, grpo)
    return source.train_batch(0)


def moved(batch):
    """The batch as if the policy had changed since it was sampled, so that ratios are clipped."""
    noise = 0.3 * random_stream(0, "noise").standard_normal(batch.old_log_probs.shape)
    return batch._replace(old_log_probs=batch.old_log_probs + noise * batch.counted[:, 1:])


@pytest.mark.parametrize("kind", DENOMINATORS)
def test_the_gradient_is_the_derivative(kind):
    with kernels.disabled(np.float64):
        grpo = objective(policy(), loss=kind, beta=0.5, reference=policy(seed=1))
        batch = moved(first_batch(grpo))
        clipped = grpo.measures(grpo.loss(batch)[1])["clip_fraction"]
        assert 0 < clipped < 1
        check_model(grpo, batch, joint=True).raise_if_failed()
        check_model(grpo, batch, method="complex", max_elements=2).raise_if_failed()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_first_ratio_is_1(dtype):
    """With kernels it is exact, because a row does not depend on the others of its batch."""
    grpo = objective(policy(dtype), beta=0.1)
    _, saved = grpo.loss(first_batch(grpo, grad_accum=3))
    if kernels_available() and dtype == np.float32:
        assert (saved.loss.ratios == 1).all()
    assert np.abs(saved.loss.ratios - 1).max() < (1e-12 if dtype == np.float64 else 1e-5)
    measures = grpo.measures(saved)
    assert measures["clip_fraction"] == 0
    assert measures["kl"] == pytest.approx(0, abs=1e-9)


def test_advantages_compare_an_answer_with_its_group(torch, assert_close):
    """As lines 2765 to 2787 of trl/trainer/grpo_trainer.py, TRL 1.16.0."""
    rewards = random_stream(0, "some").standard_normal(12)
    groups = torch.tensor(rewards).view(-1, 4)
    mean = groups.nanmean(dim=1, keepdim=True)
    expected = (groups - mean).reshape(-1).numpy()
    assert_close(group_advantages(rewards, 4, scaled=False), expected, 1e-12)
    std = torch.sqrt(torch.nanmean((groups - mean) ** 2, dim=1, keepdim=True) * (4 / 3))  # nanstd
    expected = ((groups - mean) / (std + 1e-4)).reshape(-1).numpy()
    assert_close(group_advantages(rewards, 4, scaled=True), expected, 1e-12)
    assert not group_advantages(np.ones(4), 4, scaled=True).any()


def test_dr_grpo_does_not_divide_by_the_deviation():
    assert objective(policy(), loss="grpo").scales
    assert not objective(policy(), loss="dr_grpo").scales
    assert objective(policy(), loss="dr_grpo", scale_rewards=True).scales


def test_the_penalty_is_part_of_the_reward(assert_close):
    model, reference = policy(), policy(seed=1)
    grpo = objective(model, beta=0.7, reference=reference, scale_rewards=False)
    rollouts = sample_rollouts(model, [[0]], n_samples=4, max_new_tokens=3, ends=(0,), seed=0)
    rewards = World(REWARDS)(np.zeros(4), rollouts)
    found = grpo.experience(rollouts, rewards)
    log_ratios = (
        log_probs_of(model, rollouts, Arena()) - log_probs_of(reference, rollouts, Arena())
    ).sum(axis=1)
    total = rewards - 0.7 * log_ratios
    assert_close(found.advantages[:, 0], total - total.mean(), 1e-12)
    np.testing.assert_array_equal(found.rewards, rewards)


def test_the_entropy_is_estimated_from_one_answer_to_each_prompt(assert_close):
    model = policy()
    for beta in (0.0, 0.1):
        grpo = objective(model, beta=beta)
        rollouts = sample_rollouts(
            model, [[0]] * 500, n_samples=4, max_new_tokens=3, ends=(0,), seed=0
        )
        found = grpo.experience(rollouts, np.arange(2000) // 1000 * (np.arange(2000) % 4 == 1.0))
        log_probs = log_probs_of(model, rollouts, Arena()).sum(axis=1)
        assert_close(found.entropy.mean(), -log_probs[::4].mean(), 1e-12)
        computed = (found.advantages[:, 0] != 0) | (np.arange(2000) % 4 == 0)
        assert (found.old_log_probs.any(axis=1) == (computed | (beta > 0))).all()
        p = answer_distribution(model)
        exact = -(p * np.log(p)).sum()
        assert abs(found.entropy.mean() - exact) < 4 * log_probs.std() / np.sqrt(500)


def test_the_divergence_estimate_is_not_negative_and_right_in_the_mean():
    model, reference = policy(), policy(seed=1)
    rollouts = sample_rollouts(model, [[0]], n_samples=4000, max_new_tokens=3, ends=(0,), seed=0)
    log_p, log_q = (log_probs_of(m, rollouts, Arena()) for m in (model, reference))
    estimate = divergence_estimate(log_p, log_q)
    plain = (log_p - log_q).sum(axis=1)
    assert (estimate >= 0).all()
    error = plain.std() / np.sqrt(len(plain))
    assert abs(estimate.mean() - plain.mean()) < 4 * error


@pytest.mark.parametrize("kind", DENOMINATORS)
def test_micro_batches_give_what_the_batch_gives(kind, assert_close):
    grpo = objective(policy(), loss=kind)
    whole = moved(first_batch(grpo))
    results = []
    for parts in ([whole], [take_rows(whole, rows) for rows in np.array_split(np.arange(8), 3)]):
        grpo.model.store.zero_grad()
        weights = [grpo.weight(part) for part in parts]
        total = 0.0
        for part, weight in zip(parts, weights, strict=True):
            loss, saved = grpo.loss(part)
            total += loss * weight / sum(weights)
            grpo.loss_backward(weight / sum(weights), saved)
        results.append((total, grpo.model.store.grads.copy()))
    assert_close(results[0][0], results[1][0], 1e-12)
    assert_close(results[0][1], results[1][1], 1e-11)


def test_groups_without_a_difference_are_not_computed(assert_close):
    grpo = objective(policy())
    batch = moved(first_batch(grpo))
    equal = batch._replace(advantages=batch.advantages * (np.arange(8) >= 4)[:, None])
    tiny = equal._replace(advantages=np.where(equal.advantages, equal.advantages, 1e-30))
    results = []
    for one in (equal, tiny):
        loss, saved = grpo.loss(one)
        grpo.model.store.zero_grad()
        grpo.loss_backward(1.0, saved)
        results.append((len(saved.loss.ratios), loss, grpo.model.store.grads.copy()))
    assert [n for n, *_ in results] == [4, 8]
    assert_close(results[0][1], results[1][1], 1e-12)
    assert_close(results[0][2], results[1][2], 1e-12)
    loss, saved = grpo.loss(batch._replace(advantages=np.zeros((8, 1))))
    grpo.model.store.zero_grad()
    grpo.loss_backward(1.0, saved)
    assert loss == 0
    assert not grpo.model.store.grads.any()
    assert grpo.measures(saved)["reward"] == grpo.measures(grpo.loss(batch)[1])["reward"]


def test_equal_answers_are_computed_once(assert_close):
    """Answers of up to 3 of 4 symbols are often equal. A tiny difference keeps them apart."""
    model, reference = policy(), policy(seed=1)
    grpo = objective(model, n_samples=100, beta=0.1, reference=reference)
    equal = moved(first_batch(grpo, n_samples=100, n_prompts=1))
    first, sets = equal_rows(equal.tokens, equal.counted)
    assert len(first) < 40
    np.testing.assert_array_equal(equal.tokens[first[sets]], equal.tokens)
    equal = equal._replace(old_log_probs=equal.old_log_probs[first[sets]])
    apart = equal._replace(old_log_probs=equal.old_log_probs + 1e-14 * np.arange(100)[:, None])
    results = []
    for one in (equal, apart):
        loss, saved = grpo.loss(one)
        grpo.model.store.zero_grad()
        grpo.loss_backward(1.0, saved)
        measures = list(grpo.measures(saved).values())
        results.append((len(saved.loss.ratios), loss, measures, grpo.model.store.grads.copy()))
    assert [n for n, *_ in results] == [len(first), 100]
    assert 0 < grpo.measures(saved)["clip_fraction"] < 1
    for i in (1, 2, 3):
        assert_close(results[0][i], results[1][i], 1e-9)


def test_padding_changes_nothing(assert_close):
    grpo = objective(policy(block_size=8))
    batch = moved(first_batch(grpo))
    names = ("tokens", "counted", "old_log_probs", "weights")
    wider = batch._replace(
        **{name: np.pad(getattr(batch, name), [(0, 0), (0, 2)]) for name in names}
    )
    assert_close(grpo.loss(wider)[0], grpo.loss(batch)[0], 1e-12)


def train(steps, out, grpo=None, resume=False):
    grpo = grpo or objective(policy(np.float32), beta=0.1)
    config = TrainConfig(
        steps=steps,
        schedule="constant",
        lr=1e-2,
        eval_interval=0,
        checkpoint_interval=4,
        grad_accum=2,
    )
    source = batches(inner_epochs=2, minibatches=2, grad_accum=2)
    Trainer(grpo, source, config, out_dir=out, resume=resume).train()
    return grpo


def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path):
    whole = train(12, tmp_path / "whole")
    train(4, tmp_path / "parts")
    resumed = train(12, tmp_path / "parts", resume=True)
    np.testing.assert_array_equal(resumed.model.store.values, whole.model.store.values)
    np.testing.assert_array_equal(resumed.reference.store.values, whole.reference.store.values)
    assert (resumed.reference.store.values != resumed.model.store.values).any()


def test_bad_settings_are_refused():
    for changes, message in (
        ({"loss": "trpo"}, "loss='trpo' is not one of"),
        ({"beta": -1}, "beta=-1"),
        ({"n_samples": 1}, "n_samples=1 must be a whole number, 2 or more"),
        ({"clip_low": 2}, "clip_low=2"),
    ):
        with pytest.raises(UserError, match=message):
            objective(policy(), **changes)
