"""The regression part of a model: rank checks, starting values and scaling for the search."""

from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.timeseries.data.series_values import interpolated
from scratchgpt.timeseries.likelihood.differencing import difference
from scratchgpt.timeseries.likelihood.kalman import kalman_forward
from scratchgpt.timeseries.orders import Orders

NEGLIGIBLE = 1e-12  # relative to the size of the data, anything below this is rounding error
UNIDENTIFIED = 1e-10  # the same for columns after the filter, whose rounding errors accumulate


class Standardized(NamedTuple):
    """A model's data, scaled so that all parameters of the search have size about 1.

    y : (n,) the residuals of a least-squares regression, divided by ``scale``
    design : (n, k) the transformed columns; after differencing, orthogonal with mean square 1
    beta : (k,) the coefficients of that regression
    to_beta : (k, k) converts coefficients of ``design`` to changes of ``beta``
    scale : the root mean square of the residuals
    """

    y: Array
    design: Array
    beta: Array
    to_beta: Array
    scale: float


def standardize(y: Array, design: Array, orders: Orders) -> Standardized:
    """Regress the differenced series on the differenced columns, and rescale both.

    Parameters
    ----------
    y : (n,)
        Missing values are interpolated for the regression.
    design : (n, k)
    orders : Orders

    Raises
    ------
    UserError
        If the residuals of the regression are constant.
    """
    d, seasonal_d, s = orders.d, orders.D, orders.s
    w = difference(interpolated(y), d, seasonal_d, s)  # (n_w,)
    k = design.shape[1]
    if k:
        q, r = np.linalg.qr(difference(design, d, seasonal_d, s))  # (n_w, k), (k, k)
        inverse = np.linalg.inv(r)
        beta = inverse @ (q.T @ w)
        w = w - q @ (q.T @ w)
        to_unit = inverse * len(w) ** 0.5
    else:
        beta, to_unit = np.zeros(0), np.zeros((0, 0))
    scale = float(np.sqrt(w @ w / len(w)))
    if np.ptp(w) <= NEGLIGIBLE * np.nanmax(np.abs(y)):
        differenced = f" differenced for {orders}" * (d + seasonal_d > 0)
        fitted = f" minus the fit of its {k} regression terms" * (k > 0)
        raise UserError(f"endog{differenced}{fitted} is constant; there is nothing to model")
    return Standardized((y - design @ beta) / scale, design @ to_unit, beta, scale * to_unit, scale)


def refuse_redundant_columns(
    design: Array, observed: Array, names: tuple[str, ...], orders: Orders
) -> None:
    """Raise UserError if the observed values do not identify a coefficient of the regression.

    The differenced columns must not be 0 or linearly dependent. With missing values, what is left
    of the columns after the unknown starting values of the differences must not be either.

    Parameters
    ----------
    design : (n, k)
    observed : bool (n,)
        Which values of the series are observed.
    names : tuple of str
        The names of the columns, possibly followed by others.
    orders : Orders

    Raises
    ------
    UserError
    """
    k = design.shape[1]
    if not k:
        return
    columns = difference(design, orders.d, orders.D, orders.s)
    sizes = np.abs(columns).max(axis=0)
    for j in range(k):
        if sizes[j] <= NEGLIGIBLE * np.abs(design[:, j]).max():
            why = (
                f"the differences of {orders} turn it into 0"
                if columns[:, j].size and design[:, j].any()
                else "it is 0 everywhere"
            )
            raise UserError(f"exog: {names[j]} cannot be used: {why}; leave it out")
    among = ", ".join(names[:k])
    if k > 1 and _rank(columns / sizes) < k:
        raise UserError(f"exog: {among} are linearly dependent; leave one out")
    if observed.all():
        return
    seen = _innovations(design, observed, orders)
    sizes = np.abs(seen).max(axis=0)
    for j in range(k):
        if sizes[j] <= UNIDENTIFIED * np.abs(design[observed, j]).max():
            raise UserError(
                f"exog: {names[j]} cannot be used: at the times when endog is observed, it is 0"
                f"{f' or the differences of {orders} turn it into 0' * (orders.n_diffuse > 0)}; "
                "leave it out"
            )
    if _rank(seen / sizes) < k:
        raise UserError(
            f"exog: {among} are linearly dependent at the times when endog is observed; leave one "
            "out"
        )


def _innovations(design: Array, observed: Array, orders: Orders) -> Array:
    """Filter the columns at the observed times by the differences alone, to unit variance."""
    found = []
    none = np.empty(0)
    for column in design.T:
        y = np.where(observed, column, np.nan)
        (v, F), _ = kalman_forward(y, none, none, orders.d, orders.D, max(orders.s, 1))
        ordinary = ~np.isnan(F)
        found.append(v[ordinary] / np.sqrt(F[ordinary]))
    return np.column_stack(found)


def _rank(columns: Array) -> int:
    return int(np.linalg.matrix_rank(columns, rtol=1e-10))
