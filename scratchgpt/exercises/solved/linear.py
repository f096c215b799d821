"""A linear map of each row: y = x @ weight + bias."""

import numpy as np


def forward(x, weight, bias):  # (B, T, I), (I, O), (O,)
    y = x @ weight + bias  # (B, T, O)
    return y, (x, weight)


def backward(dy, saved):
    """Return dx, dweight and dbias. dy is (B, T, O)."""
    x, weight = saved  # (B, T, I), (I, O)
    dx = dy @ weight.T  # (B, T, I)
    dweight = np.einsum("bti,bto->io", x, dy)  # (I, O): all rows share it
    dbias = dy.sum(axis=(0, 1))  # (O,): and this too
    return dx, dweight, dbias
