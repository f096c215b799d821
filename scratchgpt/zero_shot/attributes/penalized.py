"""Methods with a linear classifier whose penalty is chosen: DAP and IAP."""

from abc import abstractmethod
from typing import ClassVar

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.zero_shot.attributes.checks import check_binary, check_varying
from scratchgpt.zero_shot.attributes.method import Constants, Method
from scratchgpt.zero_shot.attributes.minimize import Gram, minimize

PENALTIES = (0.1, 1.0, 10.0)
# Of the gradient, for the final model and for candidates, which need no more digits.
TOLERANCE = (1e-4, 1e-2)


class PenalizedMethod(Method):
    """A method for binary attributes, whose linear classifier has a penalty of its weights.

    Parameters
    ----------
    penalty : float, optional
        Factor of half the squared weights in the loss, which is a sum over the examples. By
        default, it is chosen among 0.1, 1 and 10 on held-out classes.
    seed : int
        Random seed for the held-out classes.

    Attributes
    ----------
    curvature : float
        A bound of the second derivative of the loss of one example.
    """

    curvature: ClassVar[float]
    needs_varying = True

    def __init__(self, *, penalty: float | None = None, seed: int = 0) -> None:
        super().__init__({"penalty": penalty}, seed)

    @abstractmethod
    def targets(self, y: Array, s: Array) -> tuple[Array, int]:
        """Return what the classifier predicts for each example, and its number of outputs."""

    @abstractmethod
    def loss(self, p: Array, x: Array, targets: Array, penalty: float) -> tuple[float, Array]:
        """Return the loss and its gradient, for parameters p (d + 1, n), the bias last."""

    def grid(self) -> list[Constants]:
        return self._grid({"penalty": PENALTIES})

    def check_attributes(self, s: Array) -> None:
        self.check_others(s)
        check_varying(s)

    def check_others(self, s: Array) -> None:
        check_binary(s, type(self).__name__)

    def fit_grid(self, x: Array, y: Array, s: Array, grid: list[Constants]) -> list[Array]:
        targets, n_outputs = self.targets(y, s)
        gram = Gram.of(x)
        parameters = np.zeros((x.shape[1] + 1, n_outputs))
        models: dict[float, Array] = {}
        for penalty in sorted((one["penalty"] for one in grid), reverse=True):

            def loss(p: Array, penalty: float = penalty) -> tuple[float, Array]:
                return self.loss(p, x, targets, penalty)

            inverse = gram.bound_inverse(self.curvature, penalty)
            parameters = minimize(loss, parameters, inverse, TOLERANCE[len(grid) > 1])
            models[penalty] = parameters
        return [models[one["penalty"]] for one in grid]
