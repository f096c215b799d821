import numpy as np
import pytest

from scratchgpt import ops
from scratchgpt.ops import gated_product_backward, gated_product_forward
from scratchgpt.ops.gated_product import GATES

ACTIVATIONS = {
    "silu": (ops.silu_forward, ops.silu_backward),
    "gelu_tanh": (lambda x: ops.gelu_forward(x, "tanh"), ops.gelu_backward),
    "gelu": (ops.gelu_forward, ops.gelu_backward),
    "relu": (ops.relu_forward, ops.relu_backward),
}


def test_every_gate_is_tested():
    assert set(ACTIVATIONS) == set(GATES)


@pytest.mark.parametrize("activation", GATES)
def test_it_is_the_activation_of_the_first_half_times_the_second(activation, rng, assert_close):
    x, dy = rng.standard_normal((2, 3, 10)), rng.standard_normal((2, 3, 5))
    forward, backward = ACTIVATIONS[activation]
    gate, up = np.split(x, 2, axis=-1)
    activated, saved_gate = forward(gate.copy())
    y, saved = gated_product_forward(x, activation)
    assert_close(y, activated * up, 1e-15)
    dgate, dup = np.split(gated_product_backward(dy, saved), 2, axis=-1)
    assert_close(dgate, backward(dy * up, saved_gate), 1e-15)
    assert_close(dup, dy * activated, 1e-15)


def test_a_closed_gate_lets_nothing_through_but_learns():
    """A gate of 0 makes y and du 0, but the gate itself has a gradient."""
    y, saved = gated_product_forward(np.array([0.0, 4.0]))
    np.testing.assert_array_equal(y, [0])
    np.testing.assert_array_equal(gated_product_backward(np.array([3.0]), saved), [6, 0])


def test_the_outputs_are_written_to_given_arrays(rng):
    x, dy = rng.standard_normal((3, 8)), rng.standard_normal((3, 4))
    y, saved = gated_product_forward(x)
    dx = gated_product_backward(dy, saved)
    y_out, dx_out, before = np.full((3, 4), np.nan), np.full((3, 8), np.nan), x.copy()
    assert gated_product_forward(x, y_out=y_out)[0] is y_out
    assert gated_product_backward(dy, saved, dx_out=dx_out) is dx_out
    np.testing.assert_array_equal(y_out, y)
    np.testing.assert_array_equal(dx_out, dx)
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.filterwarnings("error")
def test_large_gates_do_not_overflow(dtype):
    x = np.array([[-1e30, 1e30, 1e4, -1e4, 2, 1, 0.5, 3]], dtype)
    y, saved = gated_product_forward(x)
    np.testing.assert_array_equal(y, [[0, x[0, 1], 5000, 0]])
    dx = gated_product_backward(np.ones_like(y), saved)
    np.testing.assert_array_equal(dx, [[0, 1, 0.5, 0, 0, x[0, 1], 1e4, 0]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nan_in_either_half_is_preserved(dtype):
    x = np.array([[np.nan, 1, 1, 2, np.nan, 3]], dtype)
    y, saved = gated_product_forward(x)
    np.testing.assert_array_equal(np.isnan(y), [[True, True, False]])
    dx = gated_product_backward(np.ones_like(y), saved)
    np.testing.assert_array_equal(np.isnan(dx), [[True, True, False, True, False, False]])


@pytest.mark.parametrize("shape", [(3, 5), (7,), ()])
def test_an_odd_number_of_channels_is_refused(shape):
    with pytest.raises(ValueError, match="its last axis must have two halves"):
        gated_product_forward(np.zeros(shape))


def test_an_unknown_gate_is_refused():
    with pytest.raises(ValueError, match="one of silu, gelu_tanh, gelu, relu, got 'tanh'"):
        gated_product_forward(np.zeros((3, 4)), "tanh")
