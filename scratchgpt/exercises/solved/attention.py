"""Causal attention: each query averages the values of the positions up to its own."""

import numpy as np


def forward(q, k, v):  # (B, H, T, D), (B, H, T, D), (B, H, T, E)
    scores = q @ k.mT / q.shape[-1] ** 0.5  # (B, H, T, T)
    scores[..., ~np.tri(q.shape[-2], dtype=bool)] = -np.inf  # later positions are hidden
    e = np.exp(scores)  # (B, H, T, T)
    weights = e / e.sum(axis=-1, keepdims=True)  # (B, H, T, T)
    y = weights @ v  # (B, H, T, E)
    return y, (q, k, v, weights)


def backward(dy, saved):
    """Return dq, dk and dv. dy is (B, H, T, E)."""
    q, k, v, weights = saved
    dv = weights.mT @ dy  # (B, H, T, E)
    dweights = dy @ v.mT  # (B, H, T, T)
    average = (dweights * weights).sum(axis=-1, keepdims=True)  # (B, H, T, 1)
    dscores = weights * (dweights - average) / q.shape[-1] ** 0.5  # (B, H, T, T)
    dq = dscores @ k  # (B, H, T, D)
    dk = dscores.mT @ q  # (B, H, T, D)
    return dq, dk, dv
