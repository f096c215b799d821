"""The regression of a model: whether it can be estimated, its start, and units to search in."""

from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.timeseries.data.series_values import interpolated
from scratchgpt.timeseries.likelihood.differencing import difference
from scratchgpt.timeseries.orders import Orders

NOTHING = 1e-12  # of the size of the data, what rounding leaves of 0


class Standardized(NamedTuple):
    """A model's data in units in which all parameters are searched for alike.

    y : (n,) the residuals of the least-squares regression, over their own size
    design : (n, k) the columns, differenced ones orthogonal and of size 1
    beta : (k,) coefficients of that regression
    to_beta : (k, k) their change for a change of the coefficients of ``design``
    scale : the size of the residuals
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
        Missing values are interpolated for this purpose.
    design : (n, k)
    orders : Orders

    Raises
    ------
    UserError
        If the regression, or a constant, leaves nothing of the series.
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
    if np.ptp(w) <= NOTHING * np.nanmax(np.abs(y)):
        what = f", less its {k} regression terms," * (k > 0)
        raise UserError(
            f"endog{', differenced as ' + str(orders) + ' says,' * (d + seasonal_d > 0)}{what} is "
            "constant; there is nothing to model"
        )
    return Standardized((y - design @ beta) / scale, design @ to_unit, beta, scale * to_unit, scale)


def refuse_redundant_columns(
    design: Array, observed: Array, names: tuple[str, ...], orders: Orders
) -> None:
    """The regression must be able to tell its columns apart once they are differenced.

    Parameters
    ----------
    design : (n, k)
    observed : bool (n,)
        Where the series has a value.
    names : tuple of str
        Of the columns, and possibly more.
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
        if sizes[j] <= NOTHING * np.abs(design[:, j]).max():
            why = (
                f"the differences that {orders} takes turn it into 0"
                if columns[:, j].size and design[:, j].any()
                else "it is 0 everywhere"
            )
            raise UserError(f"exog: {names[j]} cannot be used: {why}; leave it out")
    among = ", ".join(names[:k])
    if k > 1 and _rank(columns / sizes) < k:
        raise UserError(f"exog: {among} are linearly dependent; leave one out")
    seen = design[observed]
    if not observed.all() and _rank(seen / np.maximum(np.abs(seen).max(axis=0), 1e-300)) < k:
        raise UserError(
            f"exog: {among} are linearly dependent where endog is observed; leave one out"
        )


def _rank(columns: Array) -> int:
    return int(np.linalg.matrix_rank(columns, rtol=1e-10))
