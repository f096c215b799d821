"""DAP: a classifier for each attribute."""

from typing import Any

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.zero_shot.attributes.checks import as_features
from scratchgpt.zero_shot.attributes.logistic import (
    logistic_loss_backward,
    logistic_loss_forward,
    sigmoid,
    softplus,
)
from scratchgpt.zero_shot.attributes.penalized import PenalizedMethod
from scratchgpt.zero_shot.attributes.products import attribute_prior, product_scores

CURVATURE = 0.25  # the largest second derivative of softplus


class DAP(PenalizedMethod):
    r"""Direct attribute prediction (Lampert, Nickisch and Harmeling, CVPR 2009).

    A logistic regression for each attribute estimates :math:`p(a_m \mid x)`. A class z has the
    score :math:`\log \prod_m p(a_m^z \mid x) / p(a_m^z)`, where the prior :math:`p(a_m)` is the
    share of the seen classes that have the attribute. Attributes are 0 or 1.

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
        return s[y], s.shape[1]

    def loss(self, p: Array, x: Array, targets: Array, penalty: float) -> tuple[float, Array]:
        value, saved = logistic_loss_forward(p[:-1], p[-1], x, targets, penalty)
        return float(value), np.vstack(logistic_loss_backward(1.0, saved))

    def scores_from(self, p: Array, x: Array, s: Array, s_seen: Array) -> Array:
        z = x @ p[:-1] + p[-1]  # (N, m)
        return product_scores(-softplus(-z), -softplus(z), s, s_seen)

    def attribute_probabilities(self, X: Any) -> Array:
        """Return the probability of each attribute: array (N, m) for features X (N, d)."""
        p = self.fitted.parameters
        x = as_features(X, self.fitted.n_features)
        return sigmoid(x @ p[:-1] + p[-1])

    def evidence(self, X: Any, of: Array, against: Array) -> Array:
        """Return how much each attribute speaks for one class and against another.

        The sum over the attributes is the difference between the scores of the two classes. An
        attribute that both classes share adds 0.

        Parameters
        ----------
        X : array (N, d)
        of, against : array (m,)
            Attributes of the two classes.

        Returns
        -------
        evidence : array (N, m)
            Differences of logarithms of probabilities.
        """
        p, prior = self.fitted.parameters, attribute_prior(self.fitted.s)
        z = as_features(X, self.fitted.n_features) @ p[:-1] + p[-1]
        return (z - np.log(prior) + np.log1p(-prior)) * (of - against)
