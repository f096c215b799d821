"""The clipped loss of a value function, which predicts the returns of a policy."""

from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array


class ValueLossSaved(NamedTuple):
    values: Array  # (N, T)
    returns: Array  # (N, T)
    weights: Array  # (N, T)
    clipped: Array  # (N, T) bool, where the clipped value has the larger loss


def value_loss_forward(
    values: Array, old_values: Array, returns: Array, weights: Array, *, clip: float = 0.2
) -> tuple[Any, ValueLossSaved]:
    r"""Clipped squared error of values.

    .. math::
        \ell = \frac1{2N} \sum_{it} w_{it} \max\bigl((V_{it} - R_{it})^2,\;
        (V^c_{it} - R_{it})^2\bigr) \qquad
        V^c = \min(\max(V, V_\mathrm{old} - c), V_\mathrm{old} + c)

    lm-human-preferences, ``train_policy.py``, as in OpenAI's baselines. A value that has already
    moved by c towards its return gets no gradient.

    Maximum and limits choose by the real part, so that a complex step can check the derivative.

    Parameters
    ----------
    values : array (N, T)
    old_values : array (N, T)
        The values when the answers were sampled.
    returns : array (N, T)
    weights : array (N, T)
        See :func:`scratchgpt.chat.policy_loss.token_weights`; 0 for padding.
    clip : float
        The largest change c that counts; 0 disables clipping.

    Returns
    -------
    loss : scalar
    saved : ValueLossSaved
    """
    losses = (values - returns) ** 2
    clipped = np.zeros(values.shape, bool)
    if clip:
        low, high = old_values - clip, old_values + clip
        outside = (values.real < low) | (values.real > high)
        limited = np.where(outside, np.clip(values.real, low, high), values)
        limited_losses = (limited - returns) ** 2
        clipped = limited_losses.real > losses.real
        losses = np.where(clipped, limited_losses, losses)
    loss = (weights * losses).sum() / (2 * len(values))
    return loss, ValueLossSaved(values, returns, weights, clipped)


def value_loss_backward(dloss: Any, saved: ValueLossSaved) -> Array:
    r"""Gradient of :func:`value_loss_forward` with respect to ``values``.

    It is :math:`w\,(V - R) / N`, or 0 where the clipped value has the larger loss: this value is a
    constant.

    Parameters
    ----------
    dloss : scalar
    saved : ValueLossSaved

    Returns
    -------
    dvalues : array (N, T)
    """
    values, returns, weights, clipped = saved
    return np.where(clipped, 0, dloss / len(values) * weights * (values - returns))
