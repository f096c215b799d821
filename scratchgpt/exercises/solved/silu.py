"""SiLU: y = x s, with the sigmoid s = 1 / (1 + exp(-x))."""

import numpy as np


def forward(x):
    s = 1 / (1 + np.exp(-x))  # (...)
    y = x * s  # (...)
    return y, (x, s)


def backward(dy, saved):
    """Return dx. dy has the shape of y."""
    x, s = saved
    slope = s + x * s * (1 - s)  # the product rule; the slope of s is s (1 - s)
    return dy * slope
