"""What the optimiser makes small: minus the log-likelihood of an observation, or the CSS."""

import math

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.timeseries.fitting.regression import Standardized
from scratchgpt.timeseries.fitting.search_space import SearchSpace
from scratchgpt.timeseries.likelihood.differencing import difference
from scratchgpt.timeseries.likelihood.likelihood import (
    concentrated_backward,
    concentrated_forward,
    conditional_backward,
    conditional_forward,
)
from scratchgpt.timeseries.orders import Orders

WALL = 1.0  # how much worse than the worst so far a point without a likelihood counts


class NegativeLogLikelihood:
    """A function of the point z in a search space: its value and its gradient.

    Parameters
    ----------
    standard : Standardized
    orders : Orders
    space : SearchSpace
    conditional : bool
        The conditional sum of squares instead of the exact likelihood.
    """

    def __init__(
        self, standard: Standardized, orders: Orders, space: SearchSpace, *, conditional: bool
    ) -> None:
        y, design = standard.y, standard.design
        if not np.isnan(y).any():
            # The likelihood of a complete series is that of its differences: taken once, here.
            y = difference(y, orders.d, orders.D, orders.s)
            design = difference(design, orders.d, orders.D, orders.s)
            orders = orders._replace(d=0, D=0)
        self.y, self.design, self.orders, self.space = y, design, orders, space
        self.forward = conditional_forward if conditional else concentrated_forward
        self.backward = conditional_backward if conditional else concentrated_backward
        self.n = int(np.count_nonzero(~np.isnan(y))) - orders.n_diffuse
        self.worst = math.inf  # of the values seen: none yet

    def __call__(self, z: Array) -> tuple[float, Array]:
        """Value and gradient (size,); a wall where there is no likelihood."""
        coefficients, kept = self.space.forward(z)
        try:
            # On the edge of stationarity rounding errors may leave no variance to divide by.
            with np.errstate(all="ignore"):
                llf, saved = self.forward(coefficients, self.y, self.design, self.orders)
                gradient = self.space.backward(self.backward(-1.0 / self.n, saved), kept)
        except np.linalg.LinAlgError:
            llf, gradient = np.nan, np.zeros_like(z)
        if not (np.isfinite(llf) and np.isfinite(gradient).all()):
            return self.worst + WALL, np.zeros_like(z)
        value = -float(llf) / self.n
        self.worst = value if math.isinf(self.worst) else max(self.worst, value)
        return value, gradient

    def sigma2(self, z: Array) -> float:
        """The variance of the innovations that is best at the point z."""
        coefficients, _ = self.space.forward(z)
        with np.errstate(all="ignore"):
            _, saved = self.forward(coefficients, self.y, self.design, self.orders)
        return float(saved.sigma2)
