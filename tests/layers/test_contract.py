"""Properties of every layer besides its numbers: dtypes, layouts, memory."""

import numpy as np
import pytest

from scratchgpt.memory import Arena, walk
from scratchgpt.verify.examples import LAYOUTS, arrange


def run(layer, inputs, settings):
    """Return the output, ``saved``, and the gradients of the inputs (none for token ids)."""
    y, saved = layer.forward(*inputs, **settings)
    dy = np.random.default_rng(3).standard_normal(y.shape).astype(y.dtype)
    layer.store.zero_grad()
    found = layer.backward(dy, saved)
    dinputs = found if isinstance(found, tuple) else () if found is None else (found,)
    return y, saved, dinputs


def in_precision(settings, real):
    """Return the settings with cosine and sine in a precision; they are real constants."""
    if (rotation := settings.get("rotation")) is None:
        return settings
    cos, sin = rotation.cos.astype(real), rotation.sin.astype(real)
    return {**settings, "rotation": rotation._replace(cos=cos, sin=sin)}


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_dtype_in_is_dtype_out(layer_case, dtype):
    layer, *inputs = layer_case.build(dtype)
    real = np.empty(0, dtype).real.dtype
    y, saved, dinputs = run(layer, inputs, in_precision(layer_case.settings, real))
    assert y.dtype == dtype
    assert all(dx.dtype == dtype for dx in dinputs)
    assert layer.store.grads.dtype == dtype
    for path, array in walk(saved):
        constant = path.endswith(("rotary.cos", "rotary.sin"))
        assert array.dtype.kind in "iub" or array.dtype == (real if constant else dtype), path


def test_the_layout_of_the_input_does_not_matter(layer_case, assert_close):
    layer, *inputs = layer_case.build()
    y, _, dinputs = run(layer, inputs, layer_case.settings)
    grads = layer.store.grads.copy()
    for layout in LAYOUTS[1:]:
        arranged = [arrange(x, layout) for x in inputs]
        y_other, _, dinputs_other = run(layer, arranged, layer_case.settings)
        assert_close(y_other, y, 1e-13, layout)
        assert_close(layer.store.grads, grads, 1e-12, layout)
        for dx_other, dx in zip(dinputs_other, dinputs, strict=True):
            assert_close(dx_other, dx, 1e-12, layout)


def test_an_arena_changes_nothing(layer_case):
    layer, *inputs = layer_case.build()
    y, _, dinputs = run(layer, inputs, layer_case.settings)
    grads = layer.store.grads.copy()
    arena = Arena(poison=True)
    for step in range(3):
        with arena:
            y_other, _, dinputs_other = run(layer, inputs, layer_case.settings)
            np.testing.assert_array_equal(y_other, y)
            np.testing.assert_array_equal(layer.store.grads, grads)
            for dx_other, dx in zip(dinputs_other, dinputs, strict=True):
                np.testing.assert_array_equal(dx_other, dx)
            if step > 0:
                assert arena.peak == arena.capacity, "this step should fit into the block"


def test_input_and_upstream_gradient_are_unchanged(layer_case):
    layer, *inputs = layer_case.build()
    y, saved = layer.forward(*inputs, **layer_case.settings)
    dy = np.random.default_rng(4).standard_normal(y.shape)
    y_before, dy_before = y.copy(), dy.copy()
    layer.backward(dy, saved)
    for x, before in zip(inputs, layer_case.build()[1:], strict=True):
        np.testing.assert_array_equal(x, before)
    np.testing.assert_array_equal(y, y_before)
    np.testing.assert_array_equal(dy, dy_before)


def test_without_a_seed_nothing_is_dropped(blocks):
    for case in blocks:
        layer, *inputs = case.build()
        with_dropout, _ = layer.forward(*inputs, dropout_seed=5)
        without, _ = layer.forward(*inputs)
        assert (with_dropout != without).any(), case.note
        np.testing.assert_array_equal(layer.forward(*inputs)[0], without)
        np.testing.assert_array_equal(layer.forward(*inputs, dropout_seed=5)[0], with_dropout)


def test_without_bias_no_parameter_is_a_bias(layer_case):
    layer = layer_case.build()[0]
    if "no bias" in layer_case.note:
        assert not any(name.endswith("bias") for name in layer.store.named)
