"""Activations of the feed-forward layers in a decoding step, and soft caps."""

from scratchgpt.kernels.compiler.jit import inner, part
from scratchgpt.kernels.gelu import exact_gelu, tanh_gelu
from scratchgpt.kernels.parts.fast_math import ONE, ZERO, tanh
from scratchgpt.kernels.silu import sigmoid

NONE, GELU_TANH, GELU, RELU, RELU_SQUARED, SILU = range(6)
ACTIVATIONS = {
    "gelu_tanh": GELU_TANH,
    "gelu": GELU,
    "relu": RELU,
    "relu_squared": RELU_SQUARED,
    "silu": SILU,
}


@inner
def _relu(x):
    return ZERO if x <= ZERO else x  # NaN is kept


@part
def activate(x, activation, y):
    """Write the activation of x (n,) to y (n,)."""
    n = y.size
    if activation == NONE:
        for j in range(n):
            y[j] = x[j]
    elif activation == GELU_TANH:
        for j in range(n):
            y[j] = tanh_gelu(x[j])
    elif activation == GELU:
        for j in range(n):
            y[j] = exact_gelu(x[j])
    elif activation == SILU:
        for j in range(n):
            y[j] = x[j] * sigmoid(x[j])
    else:
        for j in range(n):
            y[j] = _relu(x[j])
        if activation == RELU_SQUARED:
            for j in range(n):
                y[j] *= y[j]


@part
def gate(hidden, activation, inner):
    """Write the gated product of hidden (R, 2F), which is [gate | up], to inner (R, F)."""
    f = inner.shape[1]
    for r in range(inner.shape[0]):
        row, up = inner[r], hidden[r, f:]
        activate(hidden[r, :f], activation, row)
        for j in range(f):
            row[j] *= up[j]


@part
def soft_cap(x, cap):
    """Replace x (n,) by cap tanh(x / cap)."""
    inverse = ONE / cap
    for j in range(x.size):
        x[j] = cap * tanh(x[j] * inverse)
