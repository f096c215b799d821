"""Proofs of the kernels in float64 by derivatives of the forward pass, as for the reference.

Complex numbers go to the reference, so a complex step checks that the backward of the kernel is the
derivative of the reference's forward.
"""

import numpy as np
import pytest

from scratchgpt import kernels
from scratchgpt.backend import random_stream
from scratchgpt.models import GPT, GPTConfig, Transformer, TransformerConfig
from scratchgpt.optim import AdamW, global_norm
from scratchgpt.verify import check_model
from scratchgpt.verify.examples import EXAMPLES

pytest.importorskip("numba")

SIZES = {"n_head": 3, "n_embd": 12, "block_size": 7, "vocab_size": 13, "n_inner": 10}
GPT_1 = {"norm_position": "post", "tied_head": False, "activation": "gelu", "bias": False}
TWO_TEXTS = {"n_encoder_layer": 2, "n_decoder_layer": 3, "padding_id": 0}
FORMS = [
    (GPT, {"n_layer": 2}),
    (GPT, {"n_layer": 2, **GPT_1}),
    (Transformer, TWO_TEXTS),
    (Transformer, {**TWO_TEXTS, "norm_position": "pre", "tied_head": False, "bias": False}),
]
SETTINGS = {"dropout_seed": 11}
each_form = pytest.mark.parametrize(
    ("kind", "form"), FORMS, ids=["gpt2", "gpt1", "transformer", "pre-LN transformer"]
)


def build(kind, sizes, dtype=np.float64):
    config = {GPT: GPTConfig, Transformer: TransformerConfig}[kind](**sizes)
    return kind(config, dtype=dtype)


def texts(model, *shape):
    """Return the inputs of the loss; a Transformer first takes a source with one padded row."""
    vocab_size, n_texts = model.config.vocab_size, 2 if isinstance(model, GPT) else 3
    data = random_stream(5).integers(1, vocab_size, (n_texts, *shape))
    if n_texts == 3:
        data[0, 1, shape[1] // 2 :] = 0
    return data


def model_and_data(kind, form):
    model = build(kind, {**SIZES, "dropout": 0.2, **form})
    for name, parameter in model.store.named.items():
        parameter.value += 0.5 * random_stream(4, name).standard_normal(parameter.shape)
    return model, *texts(model, 3, 7)


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_operation_at_every_registered_case(name):
    # Gradients that cancel exactly to 0 in the reference cancel up to rounding here.
    options = {"method": "complex", "max_elements": 100, "tolerance": 1e-11}
    for case in EXAMPLES[name].cases:
        EXAMPLES[name].check(case, **options).raise_if_failed()


@each_form
def test_a_model(kind, form):
    report = check_model(*model_and_data(kind, form), settings=SETTINGS, method="adjoint")
    report.raise_if_failed()


@each_form
def test_training_follows_the_reference(kind, form, assert_close):
    def train():
        model, *data = model_and_data(kind, form)
        optimizer = AdamW(model.store)
        losses = []
        for _ in range(5):
            loss, saved = model.loss(*data, **SETTINGS)
            model.store.zero_grad()
            model.loss_backward(1.0, saved)
            losses += [loss, global_norm(model.store.grads)]
            optimizer.step(1e-3)
        return losses

    actual = train()
    with kernels.disabled():
        expected = train()
    assert_close(actual, expected, 1e-12)


@each_form
def test_gradients_of_a_model_in_float32_are_right_to_a_hundred_thousandth(
    kind, form, assert_close
):
    sizes = {"n_head": 4, "n_embd": 96, "block_size": 48, "vocab_size": 130}
    model = build(kind, {**form, **sizes}, np.float32)
    exact = model.astype(np.float64)  # equals PyTorch to 1e-10, see tests/models
    data = texts(model, 3, 48)
    _, saved = model.loss(*data)
    model.loss_backward(1.0, saved)
    with kernels.disabled():
        _, saved = exact.loss(*data)
        exact.loss_backward(1.0, saved)
    for name, parameter in model.store.named.items():
        expected = exact.store.named[name].grad
        scale = np.abs(expected).max()
        assert_close(parameter.grad / scale, expected / scale, 1e-5, name)
