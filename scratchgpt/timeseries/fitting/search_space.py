"""The map from the unconstrained space of the optimizer to the coefficients of a model."""

from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.timeseries.likelihood.partial_autocorrelations import (
    PartialAutocorrelationsSaved,
    coefficients_backward,
    coefficients_forward,
    coefficients_inverse,
)
from scratchgpt.timeseries.orders import Orders

INSIDE = 2.6  # tanh(2.6) is 0.989


class Factor(NamedTuple):
    """One polynomial of a model and the positions of its coefficients."""

    where: slice
    sign: float  # -1 for a moving average, invertible if the autoregression -theta is stationary
    is_constrained: bool  # whether it is constrained to be stationary or invertible


class SearchSpace:
    """The space in which the optimizer searches.

    Regression coefficients are unchanged. The other coefficients are parametrized by their partial
    autocorrelations if they are constrained.

    Parameters
    ----------
    orders : Orders
    n_columns : int
        The number of regression coefficients, which come first.
    stationary, invertible : bool
        Whether the autoregressions are constrained to be stationary, and the moving averages to be
        invertible.
    """

    def __init__(self, orders: Orders, n_columns: int, stationary: bool, invertible: bool) -> None:
        sizes = [orders.p, orders.q, orders.P, orders.Q]
        ends = n_columns + np.cumsum(sizes)
        kinds = [(1.0, stationary), (-1.0, invertible)] * 2
        self.size = int(ends[-1])
        self.stationary, self.invertible = stationary, invertible
        self.factors = [
            Factor(slice(int(end) - size, int(end)), sign, inside)
            for size, end, (sign, inside) in zip(sizes, ends, kinds, strict=True)
            if size
        ]
        self.bounded = np.zeros(self.size, dtype=bool)
        for factor in self.factors:
            self.bounded[factor.where] = factor.is_constrained

    def forward(self, z: Array) -> tuple[Array, list[PartialAutocorrelationsSaved | None]]:
        """Compute the coefficients (size,) at the point z (size,)."""
        coefficients = z.copy()
        saved: list[PartialAutocorrelationsSaved | None] = []
        for where, sign, is_constrained in self.factors:
            kept = None
            if is_constrained:
                phi, kept = coefficients_forward(z[where])
                coefficients[where] = sign * phi
            saved.append(kept)
        return coefficients, saved

    def backward(
        self, dcoefficients: Array, saved: list[PartialAutocorrelationsSaved | None]
    ) -> Array:
        """Compute the gradient in z (size,) from the gradient in the coefficients (size,)."""
        dz = dcoefficients.copy()
        for (where, sign, _), kept in zip(self.factors, saved, strict=True):
            if kept is not None:
                dz[where] = coefficients_backward(sign * dcoefficients[where], kept)
        return dz

    def inverse(self, coefficients: Array) -> Array:
        """Compute the point z (size,) of coefficients that satisfy the constraints."""
        z = coefficients.copy()
        for where, sign, is_constrained in self.factors:
            if is_constrained:
                z[where] = coefficients_inverse(sign * coefficients[where])
        return z

    def inside(self, z: Array) -> Array:
        """Move z (size,) away from the edge of stationarity and invertibility.

        At the edge, the gradient vanishes, because z is the argument of tanh.
        """
        moved = np.clip(np.nan_to_num(z), -INSIDE, INSIDE)
        return np.where(self.bounded, moved, z)
