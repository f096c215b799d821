"""The vector of a model's parameters: what stands where, and what it may be."""

from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.timeseries.likelihood.partial_autocorrelations import is_stationary
from scratchgpt.timeseries.orders import Orders


class Layout(NamedTuple):
    """The order of the parameters, that of statsmodels.

    orders : Orders
    columns : names of the regression's coefficients, which come first; sigma2 is the last
    """

    orders: Orders
    columns: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """For example const, ar.L1, ma.L1, ma.S.L12, sigma2."""
        o = self.orders
        return (
            *self.columns,
            *(f"ar.L{i + 1}" for i in range(o.p)),
            *(f"ma.L{i + 1}" for i in range(o.q)),
            *(f"ar.S.L{(i + 1) * o.s}" for i in range(o.P)),
            *(f"ma.S.L{(i + 1) * o.s}" for i in range(o.Q)),
            "sigma2",
        )

    def checked(self, params: Any, name: str = "params") -> Array:
        """params as float64 (k,).

        Raises
        ------
        UserError
            If they are not as many finite numbers as the model has, or sigma2 is not positive.
        """
        names = self.names
        try:
            values = np.array(params, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise UserError(f"{name} is not an array of numbers: {error}") from None
        if values.shape != (len(names),):
            raise UserError(
                f"{name} has shape {values.shape}; {self.orders} has {len(names)} parameters: "
                f"{', '.join(names)}"
            )
        finite = np.isfinite(values)
        if not finite.all():
            raise UserError(f"{name}: {names[int(np.argmin(finite))]} is not a finite number")
        if values[-1] <= 0:
            raise UserError(f"{name}: sigma2={values[-1]:g} must be positive")
        return values

    def factors(self, params: Array) -> list[tuple[str, Array, Array]]:
        """Name, autoregression and moving average of the plain and of the seasonal factor."""
        o = self.orders
        coefficients = params[len(self.columns) : -1]
        ar, ma, seasonal_ar, seasonal_ma = np.split(coefficients, np.cumsum([o.p, o.q, o.P]))
        return [("", ar, ma), ("seasonal ", seasonal_ar, seasonal_ma)]

    def require_stationary(self, params: Array, name: str = "params") -> None:
        """Raise UserError if an autoregression is not that of a stationary process."""
        for what, phi, _ in self.factors(params):
            if not is_stationary(phi):
                raise UserError(
                    f"{name}: the {what}autoregression {_listed(phi)} is not stationary, as it "
                    "must be here"
                )

    def require_invertible(self, params: Array, name: str = "params") -> None:
        """Raise UserError if a moving average is not invertible."""
        for what, _, theta in self.factors(params):
            if not is_stationary(-theta):
                raise UserError(
                    f"{name}: the {what}moving average {_listed(theta)} is not invertible; give "
                    "one that is, or enforce_invertibility=False"
                )

    def steps(self, params: Array, column_errors: Array) -> Array:
        """How far to step in each parameter for differences of the score: (k,).

        The score is straight in the coefficients of the regression, given in units of
        ``column_errors``. In the others it bends over the distance to the edge of stationarity,
        which no step may reach.
        """
        steps = np.full(len(params), 1e-5)
        steps[: len(self.columns)] = 1e-2 * column_errors
        steps[-1] = 1e-4 * params[-1]
        room = 1.0 - max(largest_inverse_root(phi) for _, phi, _ in self.factors(params))
        if room > 0:
            o, k = self.orders, len(self.columns)
            for start, count in ((k, o.p), (k + o.p + o.q, o.P)):
                steps[start : start + count] = np.clip(1e-3 * room, 1e-9, 1e-5)
        return steps


def largest_inverse_root(phi: Array) -> float:
    """Modulus of the largest inverse root of 1 - φ_1 z - ...; below 1 where phi is stationary."""
    if not phi.any():
        return 0.0
    if len(phi) == 1:
        return abs(float(phi[0]))
    return float(np.abs(np.roots(np.concatenate([[1.0], -phi]))).max())


def _listed(coefficients: Array) -> str:
    return "(" + ", ".join(f"{value:g}" for value in coefficients) + ")"
