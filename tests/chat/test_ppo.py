import numpy as np
import pytest

from scratchgpt import kernels
from scratchgpt.backend import kernels_available, random_stream
from scratchgpt.chat.actor_critic import ActorCritic
from scratchgpt.chat.enumerable_world import (
    BLOCK_SIZE,
    VOCAB_SIZE,
    World,
    answer_distribution,
    best_policy,
    total_variation,
)
from scratchgpt.chat.ppo import PPO, PPOBatch
from scratchgpt.chat.ppo_batches import PPOBatches
from scratchgpt.chat.ppo_settings import PPOSettings
from scratchgpt.chat.rollout_batches import RolloutBatches, take_rows
from scratchgpt.chat.rollouts import sample_rollouts
from scratchgpt.errors import UserError
from scratchgpt.models import GPT, GPTConfig
from scratchgpt.ops.cross_entropy import IGNORE_INDEX
from scratchgpt.text import TokenBatch
from scratchgpt.training import TrainConfig, Trainer
from scratchgpt.training import trainer as trainer_module
from scratchgpt.verify import check_model

SIZES = {"n_layer": 1, "n_head": 2, "n_embd": 8, "block_size": 9, "vocab_size": 7}
each_kind = pytest.mark.parametrize("shared", [False, True], ids=["separate", "shared"])
each_text = pytest.mark.parametrize("has_text", [False, True], ids=["no text", "text"])


def shaken(model, seed, scale):
    """Add noise to all parameters."""
    for name, parameter in model.store.named.items():
        noise = random_stream(seed, name).standard_normal(parameter.shape)
        parameter.value[...] += scale * noise.astype(parameter.value.dtype)
    return model


def learner(shared=False, dtype=np.float64, **settings):
    gpt = shaken(GPT(GPTConfig(**SIZES, dropout=0), dtype=dtype), 0, 0.3)
    model = ActorCritic.from_gpt(gpt, shared=shared)
    reference = shaken(GPT(GPTConfig(**SIZES, dropout=0), dtype=dtype), 1, 0.3)
    return PPO(shaken(model, 2, 0.1), PPOSettings(**settings), reference=reference)


def experience(ppo, n=6):
    """Answers of different lengths, with what was computed of them."""
    prompts = [[1, 2, 3], [4, 5], [6]]
    rollouts = sample_rollouts(
        ppo.model, prompts, n_samples=n // 3, max_new_tokens=6, ends=(0,), seed=0
    )
    scores = random_stream(0, "scores").standard_normal(n)
    return ppo.update_batch(ppo.experience(rollouts, scores))


def text(has_text, n=2):
    if not has_text:
        return None
    tokens = random_stream(0, "text").integers(0, 7, (n, 9))
    return TokenBatch(tokens[:, :-1], tokens[:, 1:])


@each_kind
@each_text
def test_the_gradient_is_the_derivative(shared, has_text):
    """Far enough from the start of the phase that both losses are clipped for some tokens."""
    with kernels.disabled(np.float64):
        ppo = learner(shared, ptx_coefficient=0.7, value_coefficient=0.6)
        batch = PPOBatch(experience(ppo), text(has_text))
        shaken(ppo.model, 3, 0.2)
        check_model(ppo, batch, joint=True).raise_if_failed()
        check_model(ppo, batch, method="complex", max_elements=2).raise_if_failed()
        measures = ppo.measures(ppo.loss(batch)[1])
    assert 0 < measures["clip_fraction"] < 1
    assert 0 < measures["value_clip_fraction"] < 1


@each_kind
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_before_the_first_update_all_ratios_are_1(shared, dtype):
    """With kernels exactly, because a row does not depend on the others of its batch."""
    ppo = learner(shared, dtype)
    whole = experience(ppo, 30)
    batch = PPOBatch(take_rows(whole, np.array([7, 0, 3, 11])))
    _, saved = ppo.loss(batch)
    measures = ppo.measures(saved)
    assert measures["clip_fraction"] == measures["value_clip_fraction"] == 0
    if kernels_available() and dtype == np.float32:
        assert (saved.policy.ratios == 1).all()
        assert measures["update_kl"] == 0
    np.testing.assert_allclose(saved.policy.ratios, 1, rtol=1e-5 if dtype == np.float32 else 1e-12)


def test_later_phases_reuse_the_memory_of_the_first():
    """Nothing that a phase keeps lies in that memory: it is overwritten with NaN here."""
    ppo, fresh = learner(beta=0.1), learner(beta=0.1)
    ppo._arena.poison = True
    first = experience(ppo, 30)
    capacity = ppo._arena.capacity
    assert capacity > 0
    experience(ppo, 30)
    assert ppo._arena.capacity == capacity
    for name, found, expected in zip(first._fields, first, experience(fresh, 30), strict=True):
        np.testing.assert_array_equal(found, expected, err_msg=name)


def test_before_the_first_update_the_policy_loss_of_a_whole_phase_is_0():
    ppo = learner(value_coefficient=0.0)
    loss, _ = ppo.loss(PPOBatch(experience(ppo)))
    assert loss == pytest.approx(0, abs=1e-12)


@each_text
@pytest.mark.parametrize("whitening", ["batch", "minibatch", "none"])
def test_micro_batches_give_what_the_batch_gives(has_text, whitening, assert_close):
    ppo = learner(whitening=whitening)
    batch = PPOBatch(experience(ppo), text(has_text, 6))
    shaken(ppo.model, 3, 0.2)
    parts = [
        PPOBatch(
            take_rows(batch.answers, np.arange(i, i + 2)),
            batch.text and TokenBatch(*(array[i : i + 2] for array in batch.text)),
        )
        for i in (0, 2, 4)
    ]
    results = []
    for each in ([batch], parts):
        ppo.model.store.zero_grad()
        total, numbers = 0.0, {}
        for part in each:
            loss, saved = ppo.loss(part)
            share = ppo.weight(part) / 6
            total += share * loss
            for name, value in ppo.measures(saved).items():
                numbers[name] = numbers.get(name, 0) + share * value
            ppo.loss_backward(share, saved)
        results.append((total, ppo.model.store.grads.copy(), list(numbers.values())))
    for whole, sum_of_parts in zip(*results, strict=True):
        assert_close(sum_of_parts, whole, 1e-11)


@each_kind
def test_padding_changes_nothing(shared, assert_close):
    ppo = learner(shared)
    answers = experience(ppo)
    shaken(ppo.model, 3, 0.2)
    narrow = answers.tokens.shape[1] - 2
    assert (answers.targets[:3, narrow:] == IGNORE_INDEX).any()
    rows = np.flatnonzero((answers.targets[:, narrow:] == IGNORE_INDEX).all(axis=1))
    wide = take_rows(answers, rows)
    cut = type(wide)(*(a[:, :narrow] if a.ndim == 2 else a for a in wide))
    dirty = wide._replace(
        tokens=np.where(np.arange(wide.tokens.shape[1]) < narrow, wide.tokens, 5),
        values=np.where(wide.targets == IGNORE_INDEX, 1e3, wide.values),
    )
    results = []
    for each in (cut, dirty):
        ppo.model.store.zero_grad()
        loss, saved = ppo.loss(PPOBatch(each))
        measures = list(ppo.measures(saved).values())
        ppo.loss_backward(1.0, saved)
        results.append((loss, measures, ppo.model.store.grads.copy()))
    for one, other in zip(*results, strict=True):
        assert_close(one, other, 1e-11)


@pytest.mark.parametrize("clip", [0.1, 0.3])
def test_it_equals_pytorch_on_the_same_logits(clip, torch, assert_close):
    """The loss of both projects that ``test_advantages.py`` names, which take means over tokens."""
    ppo = learner(clip=clip, value_clip=clip, value_coefficient=0.3)
    answers = experience(ppo)
    shaken(ppo.model, 3, 0.2)
    loss, saved = ppo.loss(PPOBatch(answers))
    logits, values, _ = ppo.model.evaluate(answers.tokens)
    logits, values = torch.tensor(logits), torch.tensor(values)
    logits.requires_grad, values.requires_grad = True, True
    mask = torch.tensor(answers.targets != IGNORE_INDEX)
    labels = torch.tensor(answers.targets).clamp(min=0)
    log_probs = torch.gather(logits.log_softmax(-1), 2, labels[..., None])[..., 0]
    before, old_values, advantages, returns = (
        torch.tensor(getattr(answers, name))
        for name in ("log_probs", "values", "advantages", "returns")
    )
    ratio = torch.exp(log_probs - before)
    limited = torch.clamp(ratio, 1 - clip, 1 + clip)
    policy = torch.maximum(-advantages * ratio, -advantages * limited)[mask].mean()
    near = torch.clamp(values, old_values - clip, old_values + clip)
    errors = torch.maximum((values - returns) ** 2, (near - returns) ** 2)
    expected = policy + 0.3 * 0.5 * errors[mask].mean()
    expected.backward()
    assert_close(loss, expected.item(), 1e-12)
    ppo.model.store.zero_grad()
    ppo.loss_backward(1.0, saved)
    grads = ppo.model.store.grads.copy()
    ppo.model.store.zero_grad()
    _, _, again = ppo.model.evaluate(answers.tokens)
    ppo.model.evaluate_backward(logits.grad.numpy(), values.grad.numpy(), again)
    assert_close(grads, ppo.model.store.grads, 1e-11)


def test_the_term_of_the_text_is_its_cross_entropy(assert_close):
    ppo = learner(ptx_coefficient=0.7)
    answers = experience(ppo)
    batch = PPOBatch(answers, text(True))
    loss, saved = ppo.loss(batch)
    cross_entropy, _ = ppo.model.loss(*batch.text)
    assert_close(loss - ppo.loss(PPOBatch(answers))[0], 0.7 * cross_entropy, 1e-12)
    assert ppo.measures(saved)["ptx_loss"] == pytest.approx(cross_entropy)


def test_measures_are_means_over_the_answers():
    ppo = learner(beta=0.4)
    answers = experience(ppo)
    measures = ppo.measures(ppo.loss(PPOBatch(answers))[1])
    expected = measures["score"] - 0.4 * measures["kl"]
    assert measures["reward"] == pytest.approx(expected)
    assert measures["answer_length"] == (answers.targets != IGNORE_INDEX).sum() / 6
    assert measures["kl_k3"] > 0
    assert measures["explained_variance"] <= 1
    assert "beta" not in measures


@pytest.mark.parametrize("lam", [0.9, 1.0])
def test_the_values_are_trained_on_the_returns(lam, assert_close):
    ppo = learner(whitening="none", beta=0.4, lam=lam)
    answers = experience(ppo)
    counted = answers.targets != IGNORE_INDEX
    assert_close(answers.returns[counted], (answers.advantages + answers.values)[counted], 1e-14)
    if lam == 1:
        first = counted.argmax(axis=1)
        assert_close(answers.returns[np.arange(6), first], answers.rewards, 1e-12)


def test_rewards_are_whitened_if_asked_for():
    plain, whitened = (
        experience(learner(whitening="none", lam=1.0, whiten_rewards=each))
        for each in (False, True)
    )
    counted = plain.targets != IGNORE_INDEX
    assert (plain.returns != whitened.returns)[counted].all()
    np.testing.assert_array_equal(plain.rewards, whitened.rewards)


def test_without_a_penalty_there_is_no_reference():
    ppo = learner(beta=0)
    assert ppo.reference is None
    measures = ppo.measures(ppo.loss(PPOBatch(experience(ppo)))[1])
    assert "kl" not in measures
    assert measures["reward"] == pytest.approx(measures["score"])


@each_kind
def test_values_reference_and_beta_are_state(shared):
    ppo, other = learner(shared, kl_target=0.1), learner(shared, kl_target=0.1)
    experience(ppo)
    assert ppo.control.beta != 0.02
    shaken(ppo.model, 5, 1)
    shaken(ppo.reference, 5, 1)
    other.load_state({k: np.copy(v) if k != "beta" else v for k, v in ppo.state().items()})
    for name, value in ppo.state().items():
        np.testing.assert_array_equal(other.state()[name], value)


def test_a_value_network_of_another_size_is_refused():
    ppo = learner()
    state = {**ppo.state(), "values": np.zeros(5)}
    with pytest.raises(UserError, match="the values of the run are 5 parameters, and now there"):
        ppo.load_state(state)


def test_dropout_is_refused():
    model = ActorCritic(GPTConfig(**SIZES, dropout=0.1))
    with pytest.raises(UserError, match=r"dropout=0.1: .* set dropout=0"):
        PPO(model)


REWARDS = random_stream(0, "rewards").standard_normal(40)


def world_policy(dtype=np.float32):
    sizes = {"n_layer": 1, "n_head": 2, "n_embd": 16, "dropout": 0}
    config = GPTConfig(**sizes, block_size=BLOCK_SIZE, vocab_size=VOCAB_SIZE)
    return shaken(GPT(config, dtype=dtype), 0, 0.1)


@each_kind
def test_it_finds_the_best_policy(shared):
    reference, world = world_policy(), World(REWARDS)
    best = best_policy(answer_distribution(reference), REWARDS, 0.5)
    model = ActorCritic.from_gpt(reference, shared=shared)
    assert total_variation(answer_distribution(model), best) > 0.5
    rollouts = RolloutBatches(
        world, world, n_prompts=384, n_samples=1, inner_epochs=2, minibatches=4, seed=0
    )
    config = TrainConfig(
        steps=400, lr=5e-3, min_lr=0.0, weight_decay=0.0, eval_interval=0, log_interval=400
    )
    ppo = PPO(model, PPOSettings(beta=0.5), reference=reference)
    Trainer(ppo, PPOBatches(rollouts), config).train()
    assert total_variation(answer_distribution(model), best) < 0.03


@each_kind
def test_a_resumed_run_equals_one_that_was_not_interrupted(shared, tmp_path, monkeypatch):
    monkeypatch.setattr(trainer_module, "plot_metrics", lambda run_directory, unit: False)

    def make(out_dir, steps, resume=False):
        model = ActorCritic.from_gpt(world_policy(), shared=shared)
        ppo = PPO(model, PPOSettings(beta=0.5, kl_target=0.2, kl_horizon=500))
        world = World(REWARDS)
        rollouts = RolloutBatches(
            world, world, n_prompts=32, n_samples=1, minibatches=2, grad_accum=2, seed=0
        )
        config = TrainConfig(
            steps=steps, schedule="constant", warmup_steps=0, lr=1e-2, grad_accum=2,
            eval_interval=0, checkpoint_interval=2,
        )  # fmt: skip
        trainer = Trainer(ppo, PPOBatches(rollouts), config, out_dir=out_dir, resume=resume)
        trainer.train()
        return ppo

    whole = make(tmp_path / "whole", 8)
    make(tmp_path / "parts", 4)
    resumed = make(tmp_path / "parts", 8, resume=True)
    np.testing.assert_array_equal(resumed.model.store.values, whole.model.store.values)
    assert resumed.control.beta == whole.control.beta
    last = tmp_path / "parts" / "last"
    assert type(GPT.from_pretrained(last)) is GPT
