"""What holds for every layer besides its numbers: dtypes, layouts, memory."""

import numpy as np
import pytest

from scratchgpt.memory import Arena, walk
from scratchgpt.verify.examples import LAYOUTS, arrange


def run(layer, x, settings):
    y, saved = layer.forward(x, **settings)
    dy = np.random.default_rng(3).standard_normal(y.shape).astype(y.dtype)
    layer.store.zero_grad()
    dx = layer.backward(dy, saved)
    return y, saved, dx


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_dtype_in_is_dtype_out(layer_case, dtype):
    layer, x = layer_case.build(dtype)
    y, saved, dx = run(layer, x, layer_case.settings)
    assert y.dtype == dtype
    assert dx is None or dx.dtype == dtype
    assert layer.store.grads.dtype == dtype
    for path, array in walk(saved):
        assert array.dtype.kind in "iub" or array.dtype == dtype, path


def test_the_layout_of_the_input_does_not_matter(layer_case, assert_close):
    layer, x = layer_case.build()
    y, _, dx = run(layer, x, layer_case.settings)
    grads = layer.store.grads.copy()
    for layout in LAYOUTS[1:]:
        y_other, _, dx_other = run(layer, arrange(x, layout), layer_case.settings)
        assert_close(y_other, y, 1e-13, layout)
        assert_close(layer.store.grads, grads, 1e-12, layout)
        if dx is not None:
            assert_close(dx_other, dx, 1e-12, layout)


def test_an_arena_changes_nothing(layer_case):
    layer, x = layer_case.build()
    y, _, dx = run(layer, x, layer_case.settings)
    grads = layer.store.grads.copy()
    arena = Arena(poison=True)
    for step in range(3):
        with arena:
            y_other, _, dx_other = run(layer, x, layer_case.settings)
            np.testing.assert_array_equal(y_other, y)
            np.testing.assert_array_equal(layer.store.grads, grads)
            if dx is not None:
                np.testing.assert_array_equal(dx_other, dx)
            if step > 0:
                assert arena.peak == arena.capacity, "this step should fit into the block"


def test_input_and_upstream_gradient_are_left_as_they_were(layer_case):
    layer, x = layer_case.build()
    y, saved = layer.forward(x, **layer_case.settings)
    dy = np.random.default_rng(4).standard_normal(y.shape)
    y_before, dy_before = y.copy(), dy.copy()
    layer.backward(dy, saved)
    np.testing.assert_array_equal(x, layer_case.build()[1])
    np.testing.assert_array_equal(y, y_before)
    np.testing.assert_array_equal(dy, dy_before)


def test_without_a_seed_nothing_is_dropped(blocks):
    for case in blocks:
        layer, x = case.build()
        with_dropout, _ = layer.forward(x, 5)
        without, _ = layer.forward(x)
        assert (with_dropout != without).any(), case.note
        np.testing.assert_array_equal(layer.forward(x)[0], without)
        np.testing.assert_array_equal(layer.forward(x, 5)[0], with_dropout)


def test_without_bias_no_parameter_is_one(layer_case):
    layer, _ = layer_case.build()
    if "no bias" in layer_case.note:
        assert not any(name.endswith("bias") for name in layer.store.named)
