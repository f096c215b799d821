"""Rotary positions: channels i and i + D/2 are rotated by the position times a frequency."""

import numpy as np


def forward(x):  # (T, D)
    n_time, size = x.shape
    frequencies = 100.0 ** (-np.arange(size // 2) / (size // 2))  # (D/2,)
    angles = np.arange(n_time)[:, None] * frequencies  # (T, D/2)
    cos, sin = np.cos(angles), np.sin(angles)
    x1, x2 = np.split(x, 2, axis=-1)  # (T, D/2), (T, D/2)
    y = np.concatenate([x1 * cos - x2 * sin, x2 * cos + x1 * sin], axis=-1)  # (T, D)
    return y, (cos, sin)


def backward(dy, saved):
    """Return dx (T, D). dy is (T, D)."""
    cos, sin = saved  # (T, D/2), (T, D/2)
    dy1, dy2 = np.split(dy, 2, axis=-1)  # (T, D/2), (T, D/2)
    dx1 = dy1 * cos + dy2 * sin  # (T, D/2): turned back
    dx2 = dy2 * cos - dy1 * sin  # (T, D/2)
    return np.concatenate([dx1, dx2], axis=-1)  # (T, D)
