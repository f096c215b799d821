"""The kernels in float64, proven as the reference is: by derivatives of the forward pass.

Complex numbers stay with the reference, so a complex step asks whether the backward of the kernel
is the derivative of the reference's forward.
"""

import numpy as np
import pytest

from scratchgpt import kernels
from scratchgpt.backend import random_stream
from scratchgpt.models import GPT, GPTConfig
from scratchgpt.optim import AdamW, global_norm
from scratchgpt.verify import check_model
from scratchgpt.verify.examples import EXAMPLES

pytest.importorskip("numba")

SIZES = {"n_layer": 2, "n_head": 3, "n_embd": 12, "block_size": 7, "vocab_size": 13, "n_inner": 10}
FORMS = [{}, {"norm_position": "post", "tied_head": False, "activation": "gelu", "bias": False}]
SETTINGS = {"dropout_seed": 11}


def model_and_data(**form):
    model = GPT(GPTConfig(**{**SIZES, "dropout": 0.2, **form}), dtype=np.float64)
    for name, parameter in model.store.named.items():
        parameter.value += 0.5 * random_stream(4, name).standard_normal(parameter.shape)
    tokens, targets = random_stream(5).integers(0, 13, (2, 3, 7))
    return model, tokens, targets


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_operation_at_every_registered_case(name):
    # Gradients that cancel to exactly 0 in the reference do so up to rounding here.
    options = {"method": "complex", "max_elements": 100, "tolerance": 1e-11}
    for case in EXAMPLES[name].cases:
        EXAMPLES[name].check(case, **options).raise_if_failed()


@pytest.mark.parametrize("form", FORMS, ids=["gpt2", "gpt1"])
def test_a_model(form):
    report = check_model(*model_and_data(**form), settings=SETTINGS, method="adjoint")
    report.raise_if_failed()


@pytest.mark.parametrize("form", FORMS, ids=["gpt2", "gpt1"])
def test_training_walks_as_the_reference_does(form, assert_close):
    def train():
        model, tokens, targets = model_and_data(**form)
        optimizer = AdamW(model.store)
        losses = []
        for _ in range(5):
            loss, saved = model.loss(tokens, targets, **SETTINGS)
            model.store.zero_grad()
            model.loss_backward(1.0, saved)
            losses += [loss, global_norm(model.store.grads)]
            optimizer.step(1e-3)
        return losses

    actual = train()
    with kernels.disabled():
        expected = train()
    assert_close(actual, expected, 1e-12)


@pytest.mark.parametrize("form", FORMS, ids=["gpt2", "gpt1"])
def test_gradients_of_a_model_in_float32_are_right_to_a_hundred_thousandth(form, assert_close):
    config = GPTConfig(n_layer=3, n_head=4, n_embd=96, block_size=48, vocab_size=130, **form)
    model = GPT(config)
    exact = model.astype(np.float64)  # which equals PyTorch's to 1e-10: tests/models
    tokens, targets = random_stream(6).integers(0, config.vocab_size, (2, 3, 48))
    _, saved = model.loss(tokens, targets)
    model.loss_backward(1.0, saved)
    with kernels.disabled():
        _, saved = exact.loss(tokens, targets)
        exact.loss_backward(1.0, saved)
    for name, parameter in model.store.named.items():
        expected = exact.store.named[name].grad
        scale = np.abs(expected).max()
        assert_close(parameter.grad / scale, expected / scale, 1e-5, name)
