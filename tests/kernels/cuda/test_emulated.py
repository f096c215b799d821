"""Each CUDA kernel, compiled as C++, computes what the reference computes."""

import numpy as np
import pytest

from scratchgpt import kernels
from scratchgpt.backend import random_stream
from scratchgpt.layers import Parameter, ParameterStore
from scratchgpt.layers.parameters import normal
from scratchgpt.ops import (
    cross_entropy_backward,
    cross_entropy_forward,
    dropout_forward,
    dropout_mask,
    layer_norm_backward,
    layer_norm_forward,
    rms_norm_backward,
    rms_norm_forward,
    softmax_forward,
)
from scratchgpt.optim import AdamW, global_norm
from scratchgpt.verify.examples import EXAMPLES

WITH_KERNELS = ("attention", "cross_entropy", "dropout", "embedding", "gelu", "layer_norm")
WITH_KERNELS += ("residual_layer_norm", "residual_rms_norm", "rms_norm", "softmax")
ROUNDING = {np.float32: 2e-5, np.float64: 1e-12}
CASES = [
    pytest.param(EXAMPLES[name], case, id=f"{name}: {case.note}")
    for name in WITH_KERNELS
    for case in EXAMPLES[name].cases
]


def run(example, case, dtype):
    inputs, settings = case.build(dtype, layout="C")
    y, saved = example.forward(*inputs.values(), **settings)
    outputs = y if isinstance(y, tuple) else (y,)
    rng = random_stream(3, example.name)
    upstream = tuple(rng.standard_normal(np.shape(one)).astype(dtype) for one in outputs)
    found = example.backward(upstream if isinstance(y, tuple) else upstream[0], saved)
    return [*outputs, *(found if isinstance(found, tuple) else (found,))]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("example", "case"), CASES)
def test_the_results_are_those_of_the_reference(example, case, dtype, request, assert_close):
    with kernels.disabled():
        expected = run(example, case, dtype)
    calls = request.getfixturevalue("on_emulator")
    actual = run(example, case, dtype)
    # A softmax along another axis, and a dropout of everything, need no kernel.
    assert calls or "axis" in case.settings or "everything" in case.note, "no kernel was called"
    loose = 10 if "large" in case.note or "tiny" in case.note else 1
    for x, e in zip(actual, expected, strict=True):
        if e is not None:
            assert np.asarray(x).dtype == dtype
            assert_close(x, e, loose * ROUNDING[dtype])


def test_masks_of_dropout_are_the_same_bit_for_bit(on_emulator):
    x = np.ones((3, 7), np.float32)
    y, _ = dropout_forward(x, 0.3, 2**63 + 5)
    np.testing.assert_array_equal(y != 0, dropout_mask(x.shape, 0.3, 2**63 + 5, like=x))


def test_rows_longer_than_a_block_and_rows_of_infinities(on_emulator, assert_close):
    rng = np.random.default_rng(0)
    x = 30 * rng.standard_normal((5, 301))
    x[1, ::2], x[2] = -np.inf, -np.inf
    y, _ = softmax_forward(x)
    with np.errstate(all="ignore"):
        e = np.exp(x - np.where(np.isinf(x.max(1)), 0, x.max(1))[:, None])
        expected = e / np.where(e.sum(1) == 0, 1, e.sum(1))[:, None]
    assert_close(y, expected, 1e-13)
    assert not y[2].any()
    x[3, 7] = np.nan
    assert np.isnan(softmax_forward(x)[0][3]).all()


def test_gradients_may_overwrite_their_upstream(on_emulator, assert_close):
    rng = np.random.default_rng(0)
    x, weight, bias = rng.standard_normal((6, 21)), rng.standard_normal(21), rng.standard_normal(21)
    _, saved = layer_norm_forward(x, weight, bias)
    dy, residual = rng.standard_normal((2, 6, 21))
    expected = layer_norm_backward(dy, saved, residual_gradient=residual)
    found = layer_norm_backward(dy, saved, residual_gradient=residual, dx_out=dy)
    for actual, e in zip(found, expected, strict=True):
        assert_close(actual, e, 1e-14)
    for weight in (rng.standard_normal(21), None):
        _, saved = rms_norm_forward(x, weight)
        dy, residual = rng.standard_normal((2, 6, 21))
        dx, dweight = rms_norm_backward(dy, saved, residual_gradient=residual)
        over, found = rms_norm_backward(dy, saved, residual_gradient=residual, dx_out=dy)
        assert over is dy
        assert_close(dy, dx, 1e-14)
        assert (found is None) == (dweight is None) == (weight is None)
        if weight is not None:
            assert_close(found, dweight, 1e-14)
    logits, targets = rng.standard_normal((4, 33)), np.array([0, 32, -100, 5], np.int32)
    _, saved = cross_entropy_forward(logits, targets, label_smoothing=0.1)
    expected = cross_entropy_backward(1.0, saved)
    assert_close(cross_entropy_backward(1.0, saved, dlogits_out=logits), expected, 1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_adamw_is_the_reference(dtype, decay, request, assert_close):
    def trained():
        named = {"w": Parameter((13, 7), normal(1.0)), "b": Parameter((5,), normal(1.0))}
        store = ParameterStore(named, dtype)
        for name, parameter in named.items():
            parameter.initialize(random_stream(0, name))
        optimizer = AdamW(store, weight_decay=decay)
        for step in range(3):
            for name, parameter in named.items():
                parameter.grad[...] = random_stream(step, name).standard_normal(parameter.shape)
            optimizer.step(1e-2, 0.7)
        return store.values, optimizer.exp_avg, optimizer.exp_avg_sq, global_norm(store.grads)

    with kernels.disabled():
        expected = trained()
    calls = request.getfixturevalue("on_emulator")
    for x, e in zip(trained(), expected, strict=True):
        assert_close(x, e, ROUNDING[dtype])
    assert len(calls) == 4
