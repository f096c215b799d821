"""IAP: attributes from the probabilities of the seen classes."""

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.zero_shot.attributes.logistic import (
    softmax,
    softmax_loss_backward,
    softmax_loss_forward,
)
from scratchgpt.zero_shot.attributes.penalized import PenalizedMethod
from scratchgpt.zero_shot.attributes.products import product_scores

CURVATURE = 0.5  # the bound of Böhning (1992) for each class
SMALLEST = 1e-6  # probability of an attribute, so that its logarithm is finite


class IAP(PenalizedMethod):
    r"""Indirect attribute prediction (Lampert, Nickisch and Harmeling, CVPR 2009).

    A softmax classifier of the seen classes k gives
    :math:`p(a_m \mid x) = \sum_k p(a_m \mid k) \, p(k \mid x)`, where :math:`p(a_m \mid k)` is 0 or
    1. The score of a class is that of :class:`DAP`. Probabilities of attributes are clipped to
    1e-6 and 1 - 1e-6.

    Parameters
    ----------
    penalty : float, optional
        Factor of half the squared weights in the loss, which is a sum over the examples. By
        default, it is chosen among 0.1, 1 and 10 on held-out classes.
    seed : int
        Random seed for the held-out classes.

    Attributes
    ----------
    constants : dict
        The penalty of the fitted model.
    """

    curvature = CURVATURE

    def targets(self, y: Array, s: Array) -> tuple[Array, int]:
        return y, len(s)

    def loss(self, p: Array, x: Array, targets: Array, penalty: float) -> tuple[float, Array]:
        value, saved = softmax_loss_forward(p[:-1], p[-1], x, targets, penalty)
        return float(value), np.vstack(softmax_loss_backward(1.0, saved))

    def scores_from(self, p: Array, x: Array, s: Array, s_seen: Array) -> Array:
        of_classes, _ = softmax(x @ p[:-1] + p[-1])  # (N, K)
        yes = np.clip(of_classes @ s_seen, SMALLEST, 1.0 - SMALLEST)  # (N, m)
        return product_scores(np.log(yes), np.log1p(-yes), s, s_seen)
