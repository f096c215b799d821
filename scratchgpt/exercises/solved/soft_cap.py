"""The soft cap: y = 3 tanh(x / 3), which is never beyond 3."""

import numpy as np


def forward(x):
    t = np.tanh(x / 3)  # (...)
    y = 3 * t  # (...)
    return y, t


def backward(dy, saved):
    """Return dx. dy has the shape of y."""
    t = saved
    return dy * (1 - t**2)  # 3 and 1 / 3 cancel
