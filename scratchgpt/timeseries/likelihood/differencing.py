"""Differencing of a series, non-seasonal and seasonal, and its inverse."""

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError


def difference(y: Array, d: int = 0, D: int = 0, s: int = 1) -> Array:
    """Compute (1 - B)^d (1 - B^s)^D y, (n - d - s D, ...), from y (n, ...).

    Raises
    ------
    UserError
        If y has no more values than the differences use up.
    """
    if len(y) <= d + s * D:
        raise UserError(
            f"{len(y)} values are too few for differences that use up {d + s * D}; "
            "give more values, or take fewer differences"
        )
    for lag in _lags(d, D, s):
        y = y[lag:] - y[:-lag]
    return y


def difference_backward(dw: Array, d: int = 0, D: int = 0, s: int = 1) -> Array:
    """Compute the gradient of y, (n, ...), from dw (n - d - s D, ...)."""
    for lag in _lags(d, D, s):
        dy = np.zeros((len(dw) + lag, *dw.shape[1:]), dw.dtype)
        dy[lag:] = dw
        dy[:-lag] -= dw
        dw = dy
    return dw


def undifference(w: Array, start: Array, d: int = 0, D: int = 0, s: int = 1) -> Array:
    """Compute the series whose differences are w and whose first values are ``start``.

    Parameters
    ----------
    w : (n - d - s D,)
    start : (d + s D,)

    Returns
    -------
    y : (n,)
    """
    lags = _lags(d, D, s)
    starts = []
    for lag in lags:
        starts.append(start[:lag])
        start = start[lag:] - start[:-lag]
    for lag, first in zip(reversed(lags), reversed(starts), strict=True):
        y = np.concatenate([first, w])
        for season in range(lag):
            y[season::lag] = np.cumsum(y[season::lag])
        w = y
    return w


def _lags(d: int, D: int, s: int) -> list[int]:
    return [s] * D + [1] * d
