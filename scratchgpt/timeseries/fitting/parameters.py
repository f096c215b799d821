"""The parameter vector of a model: order, names and validity checks."""

from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.timeseries.data.matching import columns_named
from scratchgpt.timeseries.data.pandas_labels import pandas_index
from scratchgpt.timeseries.data.real_numbers import real_numbers
from scratchgpt.timeseries.likelihood.partial_autocorrelations import is_stationary
from scratchgpt.timeseries.orders import Orders


class Layout(NamedTuple):
    """The order of the parameters, which is the order that statsmodels uses.

    orders : Orders
    columns : names of the regression coefficients, which come first; sigma2 comes last
    """

    orders: Orders
    columns: tuple[str, ...]

    @classmethod
    def of(cls, orders: Orders, trends: tuple[str, ...], regressors: tuple[str, ...]) -> "Layout":
        """Create a layout in which a regressor named like another parameter is ``exog.NAME``."""
        layout = cls(orders, trends)
        for name in regressors:
            while name in layout.names:
                name = f"exog.{name}"
            layout = cls(orders, (*layout.columns, name))
        return layout

    @property
    def names(self) -> tuple[str, ...]:
        """The parameter names, for example const, ar.L1, ma.L1, ma.S.L12, sigma2."""
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
        """Convert params to a float64 array (k,) and check it.

        The elements of a pandas Series with other labels than numbers are found by name.

        Raises
        ------
        UserError
            If the number of parameters is wrong, one is missing, one is not finite, or sigma2 is
            not positive.
        """
        names = self.names
        labels = pandas_index(params)
        values = real_numbers(params, name)
        if labels is not None and labels.dtype.kind not in "iu" and values.shape == (len(names),):
            values = values[columns_named(labels, names, name, "parameter")]
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
        """Return name, ar and ma coefficients of the non-seasonal and of the seasonal factor."""
        o = self.orders
        coefficients = params[len(self.columns) : -1]
        ar, ma, seasonal_ar, seasonal_ma = np.split(coefficients, np.cumsum([o.p, o.q, o.P]))
        return [("", ar, ma), ("seasonal ", seasonal_ar, seasonal_ma)]

    def require_stationary(self, params: Array, name: str = "params") -> None:
        """Raise UserError if an autoregression is not stationary."""
        for what, phi, _ in self.factors(params):
            if not is_stationary(phi):
                raise UserError(
                    f"{name}: the {what}autoregression {_listed(phi)} is not stationary; give "
                    "stationary coefficients"
                )

    def require_invertible(self, params: Array, name: str = "params") -> None:
        """Raise UserError if a moving average is not invertible."""
        for what, _, theta in self.factors(params):
            if not is_stationary(-theta):
                raise UserError(
                    f"{name}: the {what}moving average {_listed(theta)} is not invertible; give "
                    "invertible coefficients, or pass enforce_invertibility=False"
                )

    def steps(self, params: Array, column_errors: Array) -> Array:
        """Choose the step size of each parameter for central differences of the score: (k,).

        The score is linear in the regression coefficients; ``column_errors`` gives their scale. In
        the other parameters it varies on the scale of the distance to the boundary of stationarity,
        and no step may reach that boundary.
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
    """Return the modulus of the largest inverse root of 1 - φ_1 z - ...; below 1 if stationary."""
    if not phi.any():
        return 0.0
    if len(phi) == 1:
        return abs(float(phi[0]))
    return float(np.abs(np.roots(np.concatenate([[1.0], -phi]))).max())


def _listed(coefficients: Array) -> str:
    return "(" + ", ".join(f"{value:g}" for value in coefficients) + ")"
