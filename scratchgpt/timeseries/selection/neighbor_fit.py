"""Starting parameters for a model, taken from the fit of a similar model."""

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.timeseries.arima import ARIMA
from scratchgpt.timeseries.fitting.starting import shrink_to_stationary
from scratchgpt.timeseries.results import ARIMAResults

# The gradient vanishes on the boundary of stationarity, so start inside of it.
MARGIN = 0.99


def start_from(model: ARIMA, neighbor: ARIMAResults) -> Array | None:
    """Convert the parameters of a neighbor to another model, with 0 for those it lacks.

    If the model has all parameters of the neighbor, it starts at the neighbor's likelihood, so the
    search cannot end lower.

    Parameters
    ----------
    model : ARIMA
        A model of the same series with the same differences.
    neighbor : ARIMAResults

    Returns
    -------
    array (k,) or None
        None if the regressions differ, because 0 is not a useful start for a constant.
    """
    mine, theirs = model.layout, neighbor.model.layout
    if mine.columns != theirs.columns:
        return None
    params = neighbor.fit.params
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
    """Truncate the coefficients or append zeros, and shrink them until they are stationary."""
    return shrink_to_stationary(np.append(phi[:size], np.zeros(max(size - phi.size, 0))), MARGIN)
