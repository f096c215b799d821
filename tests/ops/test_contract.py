"""Properties of every operation besides its numbers: dtypes, layouts, memory."""

import numpy as np
import pytest

from scratchgpt.memory import Arena, walk
from scratchgpt.verify.examples import LAYOUTS, arrange


def run(example, inputs, settings, dtype):
    """Return output, saved and gradients for a random upstream gradient."""
    y, saved = example.forward(*inputs.values(), **settings)
    dy = np.random.default_rng(3).standard_normal(np.shape(y)).astype(dtype)
    gradients = example.backward(dy if isinstance(y, np.ndarray) else dy[()], saved)
    gradients = gradients if isinstance(gradients, tuple) else (gradients,)
    return y, saved, [g for g in gradients if g is not None]


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_dtype_in_is_dtype_out(example, case, dtype):
    inputs, settings = case.build()
    inputs = {
        name: x.astype(dtype) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x
        for name, x in inputs.items()
    }
    settings = {
        name: x.astype(np.empty(0, dtype).real.dtype)
        if isinstance(x, np.ndarray) and x.dtype.kind == "f"
        else x
        for name, x in settings.items()
    }

    y, saved, gradients = run(example, inputs, settings, dtype)

    assert np.asarray(y).dtype == dtype
    for gradient in gradients:
        assert gradient.dtype == dtype
    for path, array in walk(saved):
        expected = y.real.dtype if path in ("cos", "sin") else dtype  # these are constants
        assert array.dtype.kind in "iub" or array.dtype == expected, path


def test_the_layout_of_the_inputs_does_not_matter(example, case, assert_close):
    y, _, gradients = run(example, *case.build(layout="C"), np.float64)
    for layout in LAYOUTS[1:]:
        y_other, _, gradients_other = run(example, *case.build(layout=layout), np.float64)
        assert_close(y_other, y, 1e-14, f"y, {layout}")
        for other, gradient in zip(gradients_other, gradients, strict=True):
            assert_close(other, gradient, 1e-11 if "large" in case.note else 1e-13, layout)


def test_the_layout_of_the_upstream_gradient_does_not_matter(example, case, assert_close):
    inputs, settings = case.build()
    y, saved = example.forward(*inputs.values(), **settings)
    if not isinstance(y, np.ndarray):
        return  # a loss: its upstream gradient is a number
    dy = np.random.default_rng(4).standard_normal(y.shape)
    expected = example.backward(dy, saved)
    for layout in LAYOUTS[1:]:
        actual = example.backward(arrange(dy, layout), saved)
        for a, e in zip(_as_tuple(actual), _as_tuple(expected), strict=True):
            if e is not None:
                assert_close(a, e, 1e-13, layout)


def _as_tuple(x):
    return x if isinstance(x, tuple) else (x,)


def test_an_arena_changes_nothing(example, case):
    """The result is equal bit for bit, even if released memory is overwritten with NaN."""
    inputs, settings = case.build()
    y, saved, gradients = run(example, inputs, settings, np.float64)
    expected = [np.array(x) for x in (y, *gradients, *(x for _, x in walk(saved)))]

    arena = Arena(poison=True)
    for step in range(3):  # the first overflows; in later ones, released memory contains NaN
        with arena:
            y, saved, gradients = run(example, inputs, settings, np.float64)
            actual = [np.array(x) for x in (y, *gradients, *(x for _, x in walk(saved)))]
            if step > 0:
                assert arena.peak == arena.capacity, "this step should fit into the block"
        assert arena.capacity == arena.peak
        for a, e in zip(actual, expected, strict=True):
            np.testing.assert_array_equal(a, e)


def test_inputs_may_be_read_only(example, case):
    inputs, settings = case.build()
    for x in (*inputs.values(), *settings.values()):
        if isinstance(x, np.ndarray):
            x.flags.writeable = False
    run(example, inputs, settings, np.float64)
