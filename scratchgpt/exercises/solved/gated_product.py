"""The gated product: the input is [g | u], and y = silu(g) u."""

import numpy as np


def forward(x):  # (N, 2F)
    g, u = np.split(x, 2, axis=-1)  # (N, F), (N, F)
    s = 1 / (1 + np.exp(-g))  # (N, F)
    y = g * s * u  # (N, F)
    return y, (g, u, s)


def backward(dy, saved):
    """Return dx (N, 2F). dy is (N, F)."""
    g, u, s = saved
    slope = s + g * s * (1 - s)  # (N, F): of silu
    dg = dy * u * slope  # (N, F): each factor multiplies the gradient of the other
    du = dy * g * s  # (N, F)
    return np.concatenate([dg, du], axis=-1)  # (N, 2F)
