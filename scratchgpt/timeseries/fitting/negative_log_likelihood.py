"""The function that the optimizer minimizes: the negative log-likelihood per observation."""

import functools
import math
from typing import Any

import numpy as np

from scratchgpt.backend import Array, use_kernels
from scratchgpt.timeseries.fitting.regression import Standardized
from scratchgpt.timeseries.fitting.search_space import SearchSpace
from scratchgpt.timeseries.likelihood.differencing import difference
from scratchgpt.timeseries.likelihood.fill import fill
from scratchgpt.timeseries.likelihood.innovations import LARGEST_VARIANCE, is_determined
from scratchgpt.timeseries.likelihood.likelihood import (
    concentrated_backward,
    concentrated_forward,
    conditional_backward,
    conditional_forward,
)
from scratchgpt.timeseries.orders import Orders

# The compiled search fills in missing values if their number is at most the size of the state, or
# if the product of the two is at most this. Otherwise the Kalman filter is faster.
MOST_FILLED = 100
PENALTY = 1.0  # a point without a likelihood counts as this much worse than the worst value so far


class NegativeLogLikelihood:
    """The negative log-likelihood per observation, as a function of a point z of a search space.

    Parameters
    ----------
    standard : Standardized
    orders : Orders
    space : SearchSpace
    conditional : bool
        Whether to use the conditional sum of squares instead of the exact likelihood.
    """

    def __init__(
        self, standard: Standardized, orders: Orders, space: SearchSpace, *, conditional: bool
    ) -> None:
        y, design = standard.y, standard.design
        if not np.isnan(y).any():
            # The likelihood of a complete series is that of its differences, so take them once.
            y = difference(y, orders.d, orders.D, orders.s)
            design = difference(design, orders.d, orders.D, orders.s)
            orders = orders._replace(d=0, D=0)
        self.y, self.design, self.orders, self.space = y, design, orders, space
        self.conditional = conditional
        self.forward = conditional_forward if conditional else concentrated_forward
        self.backward = conditional_backward if conditional else concentrated_backward
        self.n = int(np.count_nonzero(~np.isnan(y))) - orders.n_diffuse
        self.worst = math.inf  # the largest value so far; infinite before the first

    def __call__(self, z: Array) -> tuple[float, Array]:
        """Compute value and gradient (size,).

        If there is no likelihood at z, the value is ``worst + PENALTY`` and the gradient is 0.
        """
        coefficients, kept = self.space.forward(z)
        try:
            # On the boundary of stationarity, rounding errors can make a variance 0.
            with np.errstate(all="ignore"):
                llf, saved = self.forward(coefficients, self.y, self.design, self.orders)
                gradient = self.space.backward(self.backward(-1.0 / self.n, saved), kept)
        except np.linalg.LinAlgError:
            llf, gradient = np.nan, np.zeros_like(z)
        if not (np.isfinite(llf) and np.isfinite(gradient).all()):
            return self.worst + PENALTY, np.zeros_like(z)
        value = -float(llf) / self.n
        self.worst = value if math.isinf(self.worst) else max(self.worst, value)
        return value, gradient

    @functools.cached_property
    def problem(self) -> Any:
        """The same function for the compiled search; None if it is not available."""
        orders, observed = self.orders, ~np.isnan(self.y)
        if self.conditional or not use_kernels(self.y, self.design, only=np.float64):
            return None
        differences = orders.d, orders.D, max(orders.s, 1)
        n_missing, r = int(np.count_nonzero(~observed)), max(orders.n_ar, orders.n_ma + 1)
        if n_missing and not (
            (n_missing <= r or n_missing * r <= MOST_FILLED)
            and is_determined(observed, *differences)
        ):
            return None
        from scratchgpt.kernels.timeseries.objective import Problem

        w, missing = fill(self.y, *differences)
        design = difference(self.design, *differences)
        return Problem(
            np.ascontiguousarray(np.column_stack([w, design, missing]).T),
            np.array(orders.n_coefficients),
            np.array([self.space.stationary, self.space.invertible] * 2),
            design.shape[1],
            differences[2],
            LARGEST_VARIANCE,
        )

    def sigma2(self, z: Array) -> float:
        """Compute the innovation variance that maximizes the likelihood at the point z."""
        coefficients, _ = self.space.forward(z)
        with np.errstate(all="ignore"):
            _, saved = self.forward(coefficients, self.y, self.design, self.orders)
        return float(saved.sigma2)
