"""Cross-entropy: minus the logarithm of the probability of the target, averaged over rows."""

import numpy as np


def forward(logits, targets):  # (N, V), (N,) integers
    e = np.exp(logits)  # (N, V)
    p = e / e.sum(axis=-1, keepdims=True)  # (N, V)
    loss = -np.log(p[np.arange(len(targets)), targets]).mean()  # one number
    return loss, (p, targets)


def backward(dy, saved):
    """Return dlogits (N, V). dy is one number, the gradient of the loss."""
    p, targets = saved  # (N, V), (N,)
    dlogits = p.copy()  # (N, V)
    dlogits[np.arange(len(targets)), targets] -= 1  # minus the true distribution
    return dlogits * (dy / len(targets))
