"""Properties of every model in all of its forms."""

import numpy as np
import pytest

from scratchgpt.memory import Arena, walk
from scratchgpt.models import GPT, GPTConfig, Transformer, TransformerConfig

SIZES = {"n_head": 2, "n_embd": 4, "block_size": 3, "vocab_size": 5}
each_kind = pytest.mark.parametrize(
    ("kind", "config"),
    [
        (GPT, GPTConfig(n_layer=1, **SIZES)),
        (Transformer, TransformerConfig(n_encoder_layer=1, n_decoder_layer=1, **SIZES)),
    ],
    ids=["GPT", "Transformer"],
)


def test_a_batch_is_the_concatenation_of_its_rows(any_case, assert_close):
    model = any_case.build()
    *texts, _ = any_case.data()
    logits, _ = model.forward(*texts)
    for i, expected in enumerate(logits):
        row = [text[i : i + 1] for text in texts]
        assert_close(model.forward(*row)[0][0], expected, 1e-13)


def test_recomputation_changes_no_bit(any_case, gradients):
    model = any_case.build()
    data = any_case.data()
    settings = {**any_case.settings, "recompute": False}
    loss, grads = gradients(model, *data, **settings)
    loss_again, grads_again = gradients(model, *data, **{**settings, "recompute": True})
    assert loss == loss_again
    np.testing.assert_array_equal(grads, grads_again)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_dtype_in_is_dtype_out(any_case, dtype):
    model = any_case.build(dtype)
    *texts, targets = any_case.data()
    logits, _ = model.forward(*texts, **any_case.settings)
    loss, saved = model.loss(*texts, targets, **any_case.settings)
    model.loss_backward(1.0, saved)
    assert logits.dtype == loss.dtype == model.dtype == model.store.grads.dtype == dtype
    for path, array in walk(saved):
        is_angle = path.endswith(("rotary.cos", "rotary.sin"))  # real in a complex model, too
        expected = np.zeros(0, dtype).real.dtype if is_angle else dtype
        assert array.dtype.kind in "iub" or array.dtype == expected, path


def test_an_arena_changes_nothing_and_its_block_suffices(any_case, gradients):
    model = any_case.build()
    data = any_case.data()
    loss, grads = gradients(model, *data, **any_case.settings)
    arena = Arena(poison=True)
    for step in range(3):
        with arena:
            loss_again, grads_again = gradients(model, *data, **any_case.settings)
            if step > 0:
                assert arena.peak == arena.capacity, "this step should fit into the block"
        assert loss_again == loss
        np.testing.assert_array_equal(grads_again, grads)


def test_a_step_of_gradient_descent_lowers_the_loss(any_case, gradients):
    model = any_case.build()
    data = any_case.data()
    loss, grads = gradients(model, *data, **any_case.settings)
    model.store.values -= 1e-4 / np.linalg.norm(grads) * grads
    lower, _ = gradients(model, *data, **any_case.settings)
    assert loss - lower == pytest.approx(1e-4 * np.linalg.norm(grads), rel=0.05)


@each_kind
def test_the_seed_determines_the_parameters(kind, config):
    first, again, other = (kind(config, seed=seed).store.values for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@each_kind
def test_a_copy_in_another_dtype_has_the_same_values_and_its_own_memory(kind, config):
    model = kind(config)
    other = model.astype(np.complex128)
    assert other.dtype == np.complex128
    assert other.config == model.config
    for name, parameter in model.store.named.items():
        np.testing.assert_array_equal(other.store.named[name].value, parameter.value)
    other.store.values[...] = 0
    assert (model.store.values != 0).any()
