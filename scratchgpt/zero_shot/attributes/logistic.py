"""The losses of the linear classifiers, each with its gradient below it."""

from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array


class LogisticSaved(NamedTuple):
    x: Array  # (N, d)
    weight: Array  # (d, m)
    excess: Array  # (N, m) probability minus target
    penalty: float


def logistic_loss_forward(
    weight: Array, bias: Array, x: Array, targets: Array, penalty: float
) -> tuple[Any, LogisticSaved]:
    r"""Compute the loss of m logistic regressions on the same inputs.

    .. math::
        \ell = \sum_{n, j} \bigl(\log(1 + e^{z_{nj}}) - a_{nj} z_{nj}\bigr)
               + \frac{\lambda}{2} \sum w^2, \qquad z = x w + b

    Parameters
    ----------
    weight : array (d, m)
    bias : array (m,)
        It has no penalty.
    x : array (N, d)
    targets : array (N, m)
        0 or 1, the :math:`a` of the formula.
    penalty : float
        :math:`\lambda`.

    Returns
    -------
    loss : scalar
    saved : LogisticSaved
    """
    z = x @ weight + bias  # (N, m)
    loss = (softplus(z) - targets * z).sum() + 0.5 * penalty * (weight * weight).sum()
    return loss, LogisticSaved(x, weight, sigmoid(z) - targets, penalty)


def logistic_loss_backward(dloss: Any, saved: LogisticSaved) -> tuple[Array, Array]:
    """Return the gradients with respect to weight and bias."""
    dz = dloss * saved.excess  # the derivative of softplus is the sigmoid
    dweight = saved.x.T @ dz + dloss * saved.penalty * saved.weight
    return dweight, dz.sum(axis=0)


class SoftmaxSaved(NamedTuple):
    x: Array  # (N, d)
    weight: Array  # (d, K)
    excess: Array  # (N, K) probability minus 1 for the class of the example
    penalty: float


def softmax_loss_forward(
    weight: Array, bias: Array, x: Array, y: Array, penalty: float
) -> tuple[Any, SoftmaxSaved]:
    r"""Compute the loss of a softmax classifier.

    .. math::
        \ell = \sum_n \Bigl(\log \sum_k e^{z_{nk}} - z_{n y_n}\Bigr)
               + \frac{\lambda}{2} \sum w^2, \qquad z = x w + b

    Parameters
    ----------
    weight : array (d, K)
    bias : array (K,)
        It has no penalty.
    x : array (N, d)
    y : integer array (N,)
    penalty : float
        :math:`\lambda`.

    Returns
    -------
    loss : scalar
    saved : SoftmaxSaved
    """
    z = x @ weight + bias  # (N, K)
    each = np.arange(len(y))
    p, log_total = softmax(z)
    excess = p.copy()
    excess[each, y] -= 1.0
    loss = (log_total - z[each, y]).sum() + 0.5 * penalty * (weight * weight).sum()
    return loss, SoftmaxSaved(x, weight, excess, penalty)


def softmax_loss_backward(dloss: Any, saved: SoftmaxSaved) -> tuple[Array, Array]:
    """Return the gradients with respect to weight and bias."""
    dz = dloss * saved.excess
    dweight = saved.x.T @ dz + dloss * saved.penalty * saved.weight
    return dweight, dz.sum(axis=0)


def softmax(z: Array) -> tuple[Array, Array]:
    """Return the probabilities (N, K), and the logarithm of the sum of the exponentials (N,).

    The operation of :mod:`scratchgpt.ops` would load the compiled kernels, which take longer than
    these few rows.
    """
    largest = z.real.max(axis=1, keepdims=True)
    e = np.exp(z - largest)
    total = e.sum(axis=1, keepdims=True)
    return e / total, np.log(total[:, 0]) + largest[:, 0]


def softplus(z: Array) -> Array:
    """Return log(1 + exp(z)) without overflow, also for complex numbers."""
    is_positive = z.real > 0
    return np.where(is_positive, z, 0) + np.log1p(np.exp(np.where(is_positive, -z, z)))


def sigmoid(z: Array) -> Array:
    """Return 1 / (1 + exp(-z)) without overflow, also for complex numbers."""
    is_positive = z.real > 0
    decay = np.exp(np.where(is_positive, -z, z))
    return np.where(is_positive, 1.0, decay) / (1.0 + decay)
