import math

import numpy as np
import pytest

from scratchgpt import kernels
from scratchgpt.backend import kernels_available, random_stream
from scratchgpt.chat import (
    DPO,
    Message,
    PreferenceBatches,
    Preferences,
    Renderer,
    encode_preferences,
    reference_log_probs,
)
from scratchgpt.chat.token_log_probs import next_tokens
from scratchgpt.models import GPT, GPTConfig
from scratchgpt.verify import check_model

NOISE = {"conservative": 0.2, "robust": 0.2}
LOSSES = ("sigmoid", "conservative", "robust", "ipo", "ipo_mean")
each_loss = pytest.mark.parametrize("kind", LOSSES)


def preferences():
    prompt = [Message("user", "ab")]
    return [
        Preferences(prompt, ["cd", "e"], [(0, 1)]),
        Preferences([Message("user", "f")], ["g", "hijk", "lm"], [(0, 1), (2, 1), (2, 0)]),
        Preferences([Message("system", "n"), *prompt], ["o", "pq"], [(1, 0)], [], [2.0]),
    ]


@pytest.fixture
def batches(tokenizer):
    part = encode_preferences(preferences(), Renderer(tokenizer), 24)
    return PreferenceBatches(part, part, tokens_per_batch=500, seed=0)


def policy(tokenizer, dtype=np.float64, seed=0, **changes):
    sizes = {"n_layer": 1, "n_head": 2, "n_embd": 8, "block_size": 24, **changes}
    model = GPT(GPTConfig(**sizes, vocab_size=tokenizer.vocab_size), seed=seed, dtype=dtype)
    for name, value in model.arrays().items():
        value[...] += 0.3 * random_stream(seed, name).standard_normal(value.shape)
    return model


def objective(tokenizer, batches, kind="sigmoid", **changes):
    reference = reference_log_probs(policy(tokenizer), batches)
    model = policy(tokenizer, seed=1, **changes)
    return DPO(model, reference, loss=kind, beta=0.4, noise=NOISE.get(kind, 0))


@each_loss
def test_the_gradient_is_the_derivative(kind, tokenizer, batches):
    with kernels.disabled(np.float64):
        dpo = objective(tokenizer, batches, kind, dropout=0.2)
        [batch] = batches.validation_batches()
        settings = {"dropout_seed": 3}
        check_model(dpo, batch, settings=settings, joint=True).raise_if_failed()
        check_model(
            dpo, batch, settings=settings, method="complex", max_elements=2
        ).raise_if_failed()


@each_loss
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_at_the_reference_the_loss_is_known(kind, dtype, tokenizer, batches):
    """With kernels it is exact, because a row does not depend on the others of its batch."""
    model = policy(tokenizer, dtype)
    small = PreferenceBatches(batches.train, batches.val, tokens_per_batch=80, seed=0)
    reference = reference_log_probs(model, small)
    dpo = DPO(model, reference, loss=kind, beta=0.4, noise=NOISE.get(kind, 0))
    [batch] = batches.validation_batches()
    batch = batch._replace(rows=batch.rows - batches.train.n_answers)
    loss, saved = dpo.loss(batch)
    known = 1 / (2 * 0.4) ** 2 if "ipo" in kind else math.log(2)
    if kernels_available() and dtype == np.float32:
        assert not saved.ratios.any()
    assert loss == pytest.approx(known, rel=1e-12 if dtype == np.float64 else 1e-5)


def test_log_probabilities_are_those_of_single_tokens(tokenizer, batches, assert_close):
    model = policy(tokenizer)
    found = reference_log_probs(model, batches)
    row = 0
    for group in batches.train.groups:
        for tokens, counted in zip(group.tokens, group.counted, strict=True):
            total = 0.0
            for i in np.flatnonzero(counted):
                logits = model.forward(tokens[None, :i])[0][0, -1]
                total += logits[tokens[i]] - np.log(np.exp(logits).sum())
            assert_close(found[row], total, 1e-12)
            row += 1


def test_padding_and_the_order_of_rows_change_nothing(tokenizer, batches, assert_close):
    dpo = objective(tokenizer, batches)
    [batch] = batches.validation_batches()
    loss, _ = dpo.loss(batch)
    wider = batch._replace(
        tokens=np.pad(batch.tokens, [(0, 0), (0, 4)], constant_values=7),
        counted=np.pad(batch.counted, [(0, 0), (0, 4)]),
    )
    assert_close(dpo.loss(wider)[0], loss, 1e-12)
    order = np.arange(len(batch.rows))[::-1]
    turned = batch._replace(
        **{name: getattr(batch, name)[order] for name in ("tokens", "counted", "lengths", "rows")},
        winners=order[batch.winners],
        losers=order[batch.losers],
    )
    assert_close(dpo.loss(turned)[0], loss, 1e-12)


def test_micro_batches_give_what_the_batch_gives(tokenizer, batches, assert_close):
    dpo = objective(tokenizer, batches)
    [batch] = batches.validation_batches()
    small = PreferenceBatches(batches.train, batches.val, tokens_per_batch=60, seed=0)
    results = []
    for parts in ([batch], list(small.validation_batches())):
        dpo.model.store.zero_grad()
        weights = [dpo.weight(part) for part in parts]
        total = 0.0
        for part, weight in zip(parts, weights, strict=True):
            loss, saved = dpo.loss(part)
            total += loss * weight / sum(weights)
            dpo.loss_backward(weight / sum(weights), saved)
        results.append((total, dpo.model.store.grads.copy()))
    assert len(list(small.validation_batches())) > 1
    assert_close(results[0][0], results[1][0], 1e-12)
    assert_close(results[0][1], results[1][1], 1e-11)


def test_it_equals_pytorch_on_the_same_logits(tokenizer, batches, torch, assert_close):
    """Log-probabilities as in ``_get_batch_logps`` of eric-mitchell's ``trainers.py``."""
    dpo = objective(tokenizer, batches)
    [batch] = batches.validation_batches()
    loss, saved = dpo.loss(batch)
    tokens, targets = next_tokens(batch.tokens, batch.counted)
    logits = torch.tensor(dpo.model.forward(tokens)[0], requires_grad=True)
    labels = torch.tensor(targets)
    mask = labels != -100
    index = labels.clamp(min=0).unsqueeze(2)
    per_token = torch.gather(logits.log_softmax(-1), dim=2, index=index).squeeze(2)
    log_probs = (per_token * mask).sum(-1)
    ratios = log_probs - torch.tensor(dpo.reference[batch.rows])
    delta = ratios[torch.tensor(batch.winners)] - ratios[torch.tensor(batch.losers)]
    losses = -torch.nn.functional.logsigmoid(0.4 * delta)
    expected = (losses * torch.tensor(batch.shares)).sum()
    expected.backward()
    assert_close(loss, expected.item(), 1e-12)
    dpo.model.store.zero_grad()
    dpo.loss_backward(1.0, saved)
    grads = dpo.model.store.grads.copy()
    dpo.model.store.zero_grad()
    _, again = dpo.model.forward(tokens)
    dpo.model.backward(logits.grad.numpy(), again)
    assert_close(grads, dpo.model.store.grads, 1e-11)


def test_the_reference_is_state(tokenizer, batches):
    dpo = objective(tokenizer, batches)
    other = DPO(dpo.model, np.zeros_like(dpo.reference))
    other.load_state(dpo.state())
    np.testing.assert_array_equal(other.reference, dpo.reference)


def test_measures_are_means_over_the_preferences(tokenizer, batches):
    dpo = objective(tokenizer, batches)
    [batch] = batches.validation_batches()
    _, saved = dpo.loss(batch)
    measures = dpo.measures(saved)
    margin = measures["chosen_reward"] - measures["rejected_reward"]
    assert measures["margin"] == pytest.approx(margin)
    assert 0 <= measures["accuracy"] <= 1
    assert measures["chosen_log_prob"] < 0
