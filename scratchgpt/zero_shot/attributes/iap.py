"""IAP: attributes from the probabilities of the seen classes."""

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.zero_shot.attributes.checks import check_binary, check_varying
from scratchgpt.zero_shot.attributes.dap import PENALTIES, TOLERANCE
from scratchgpt.zero_shot.attributes.logistic import (
    softmax,
    softmax_loss_backward,
    softmax_loss_forward,
)
from scratchgpt.zero_shot.attributes.method import Constants, Method
from scratchgpt.zero_shot.attributes.minimize import Gram, minimize
from scratchgpt.zero_shot.attributes.products import product_scores

CURVATURE = 0.5  # the bound of Böhning (1992) for each class
SMALLEST = 1e-6  # probability of an attribute, so that its logarithm is finite


class IAP(Method):
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

    needs_varying = True

    def __init__(self, *, penalty: float | None = None, seed: int = 0) -> None:
        super().__init__({"penalty": penalty}, seed)

    def grid(self) -> list[Constants]:
        return self._grid({"penalty": PENALTIES})

    def check_attributes(self, s: Array) -> None:
        check_binary(s, "IAP")
        check_varying(s)

    def check_others(self, s: Array) -> None:
        check_binary(s, "IAP")

    def fit_grid(self, x: Array, y: Array, s: Array, grid: list[Constants]) -> list[Array]:
        gram = Gram.of(x)
        parameters = np.zeros((x.shape[1] + 1, len(s)))
        models: dict[float, Array] = {}
        for penalty in sorted((one["penalty"] for one in grid), reverse=True):

            def loss(p: Array, penalty: float = penalty) -> tuple[float, Array]:
                value, saved = softmax_loss_forward(p[:-1], p[-1], x, y, penalty)
                return float(value), np.vstack(softmax_loss_backward(1.0, saved))

            inverse = gram.bound_inverse(CURVATURE, penalty)
            parameters = minimize(loss, parameters, inverse, TOLERANCE[len(grid) > 1])
            models[penalty] = parameters
        return [models[one["penalty"]] for one in grid]

    def scores_from(self, p: Array, x: Array, s: Array, s_seen: Array) -> Array:
        of_classes, _ = softmax(x @ p[:-1] + p[-1])  # (N, K)
        yes = np.clip(of_classes @ s_seen, SMALLEST, 1.0 - SMALLEST)  # (N, m)
        return product_scores(np.log(yes), np.log1p(-yes), s, s_seen)
