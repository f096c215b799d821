"""A start for the search of one model from the parameters of a similar one."""

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.timeseries.arima import ARIMA
from scratchgpt.timeseries.fitting.starting import drawn_inside
from scratchgpt.timeseries.results import ARIMAResults

# A search that begins at the edge of stationarity sees no slope there.
MARGIN = 0.99


def start_from(model: ARIMA, neighbour: ARIMAResults) -> Array | None:
    """The neighbour's parameters for another model: those that it lacks are 0.

    If the model has all that the neighbour has, its likelihood there is the neighbour's, so the
    search can only end higher.

    Parameters
    ----------
    model : ARIMA
        Of the same series with the same differences.
    neighbour : ARIMAResults

    Returns
    -------
    array (k,) or None
        None where the regressions differ: of a constant 0 is no estimate.
    """
    mine, theirs = model.layout, neighbour.model.layout
    if mine.columns != theirs.columns:
        return None
    params = neighbour.fit.params
    factors = theirs.factors(params)
    (_, ar, ma), (_, seasonal_ar, seasonal_ma) = factors
    p, q, P, Q = model.orders.n_coefficients
    return np.concatenate(
        [
            params[: len(mine.columns)],
            _resized(ar, p),
            -_resized(-ma, q),
            _resized(seasonal_ar, P),
            -_resized(-seasonal_ma, Q),
            params[-1:],
        ]
    )


def _resized(phi: Array, size: int) -> Array:
    """The first coefficients, or all and zeros; stationary."""
    return drawn_inside(np.append(phi[:size], np.zeros(max(size - phi.size, 0))), MARGIN)
