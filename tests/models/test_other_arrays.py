"""Every model on arrays of another library, which behaves as CuPy: tests/device/strict_array."""

from functools import partial
from typing import Any

import numpy as np
import pytest

from scratchgpt.layers.device import move_parameters
from scratchgpt.models import (
    GPTClassifier,
    GPTClassifierConfig,
    GPTEncoder,
    GPTEncoderConfig,
    GPTReward,
    GPTRewardConfig,
)
from scratchgpt.models.gpt_classifier import Outputs

SIZES: dict[str, Any] = {"n_layer": 2, "n_head": 3, "n_embd": 12, "block_size": 7, "vocab_size": 13}
TOKENS = np.random.default_rng(0).integers(0, 13, (3, 6))
LENGTHS = np.array([6, 2, 4])
THREE = GPTClassifierConfig(**SIZES, labels=("no", "yes", "perhaps"), dropout=0.2)
CHOICE = GPTClassifierConfig(**SIZES, labels=("first", "second"), problem="choice")
OTHERS = {
    "encoder, mean": partial(GPTEncoder, GPTEncoderConfig(**SIZES)),
    "encoder, last": partial(GPTEncoder, GPTEncoderConfig(**SIZES, pooling="last", dropout=0.2)),
    "reward": partial(GPTReward, GPTRewardConfig(**SIZES)),
    "classifier": partial(GPTClassifier, THREE),
    "choice": partial(GPTClassifier, CHOICE),
}
each_other = pytest.mark.parametrize("make", OTHERS.values(), ids=OTHERS)


def test_loss_and_gradients_are_the_same_on_a_device(any_case, strict, gradients):
    model = any_case.build()
    expected_loss, expected = gradients(model, *any_case.data(), **any_case.settings)
    move_parameters(model, strict)
    model.loss(*any_case.data(), **any_case.settings)  # copies the table of sinusoids
    with strict.counting() as traffic:
        loss, saved = model.loss(*any_case.data(), **any_case.settings)
        model.store.zero_grad()
        model.loss_backward(1.0, saved, in_place=True)
    assert traffic.syncs == 0  # nothing but the data and the masks is copied
    masks = sum(isinstance(x, np.ndarray) for x in any_case.settings.values())
    padding = getattr(model.config, "padding_id", None) is not None
    assert traffic.to_device <= len(any_case.data()) + masks + 2 * padding
    assert isinstance(loss, strict.StrictArray)
    strict.assert_same(loss, np.float64(expected_loss))
    strict.assert_same(model.store.grads, expected)


def test_a_gpt_generates_the_same_on_a_device(model_case, strict):
    model = model_case.build()
    tokens, _ = model_case.data()
    logits = []
    for library in (np, strict):
        move_parameters(model, library)
        cache = model.new_cache(len(tokens))
        with strict.counting() as traffic:
            found = [model.extend(tokens[:, :1], cache)]
            if tokens.shape[1] > 2:
                found.append(model.extend(tokens[:, 1:3], cache, 1 + np.arange(len(tokens)) % 2))
                chosen = cache.rows(np.array([0]))
                chosen.put(np.array([0]), cache.rows(np.array([len(tokens) - 1])))
                found.append(model.extend(tokens[:1, :2], chosen))
        assert traffic.syncs == 0
        logits.append(found)
    for expected, actual in zip(*logits, strict=True):
        strict.assert_same(actual, expected)


def test_a_transformer_generates_the_same_on_a_device(transformer_case, strict):
    model = transformer_case.build()
    src, tgt, _ = transformer_case.data()
    logits = []
    for library in (np, strict):
        move_parameters(model, library)
        memory = model.encode(src)
        cache = model.new_cache(memory, model.padding_mask(src), n_beams=2)
        found = [memory, model.extend(tgt[:, :1], cache)]
        rows = np.array([0, len(src) - 1, 0])[: 2 * len(src)]
        with strict.counting() as traffic:
            cache.select(rows)
            found.append(model.extend(tgt[rows, -1:], cache))
        assert traffic.syncs == 0
        logits.append(found)
    for expected, actual in zip(*logits, strict=True):
        strict.assert_same(actual, expected)


@each_other
def test_outputs_and_gradients_of_other_models_are_the_same_on_a_device(make, strict):
    here, there = make(dtype=np.float64), make(dtype=np.float64)
    move_parameters(there, strict)
    data = TOKENS, LENGTHS
    if isinstance(here, GPTClassifier):
        data = TOKENS[:2].reshape(2, 2, 3), np.array([[3, 1], [2, 3]])
    results = []
    for library, model in ((np, here), (strict, there)):
        with strict.counting() as traffic:
            outputs, saved = model.forward(*data, dropout_seed=3)
            if isinstance(outputs, Outputs):
                upstream: Any = Outputs(*(draw(library, x) for x in outputs))
            else:
                upstream = draw(library, outputs)
            model.store.zero_grad()
            model.backward(upstream, saved)
        assert traffic.syncs == 0
        found = outputs if isinstance(outputs, Outputs) else (outputs,)
        results.append((*found, model.store.grads))
    for expected, actual in zip(*results, strict=True):
        strict.assert_same(actual, expected)


def draw(library: Any, x: Any) -> Any:
    return library.asarray(np.random.default_rng(2).standard_normal(x.shape).astype(x.dtype))
