"""Where the search for the coefficients begins."""

from collections.abc import Sequence

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.timeseries.data.series_values import interpolated
from scratchgpt.timeseries.fitting.parameters import largest_inverse_root
from scratchgpt.timeseries.fitting.regression import Standardized
from scratchgpt.timeseries.fitting.search_space import SearchSpace
from scratchgpt.timeseries.likelihood.differencing import difference
from scratchgpt.timeseries.orders import Orders

# Where a root of the autoregression cancels one of the moving average, the model is one of lower
# order, and near there the likelihood often has maxima of its own. These are inverse roots, one
# on either side, from which searches were seen to reach the highest.
CANCELLING = (-0.66, 0.9)
MANY = 1000  # of so many observations the regressions below start in the right valley


def starting_points(
    standard: Standardized, orders: Orders, space: SearchSpace, *, thorough: bool
) -> list[Array]:
    """Points of the search space to begin at, the most promising first.

    Models of autoregressions alone, or of moving averages alone, get one: their likelihoods were
    seen to have one maximum on all series tried. Mixed ones get four, unless the series is long.
    """
    k = len(standard.beta)
    guess = np.zeros(space.size)
    is_mixed = orders.n_ar > 0 and orders.n_ma > 0
    if orders.n_ar:
        w = difference(interpolated(standard.y), orders.d, orders.D, orders.s)
        guess[k:] = hannan_rissanen(w, orders)
    points = [space.inverse(guess)]
    if is_mixed and thorough and len(standard.y) < MANY:
        for inverse_root in (0.0, *CANCELLING):
            coefficients = np.zeros(space.size)
            for where, sign, _ in space.factors:
                coefficients[where.start] = sign * inverse_root
            points.append(space.inverse(coefficients))
    return points


def hannan_rissanen(w: Array, orders: Orders) -> Array:
    """Coefficients by two regressions (Hannan and Rissanen 1982, Biometrika 69).

    A long autoregression estimates the innovations; the series is then regressed on its own lags
    and on theirs. Cross terms of seasonal factors are left out: this is only a beginning.

    Parameters
    ----------
    w : (n,)
        The differenced series, without its regression and without missing values.
    orders : Orders

    Returns
    -------
    coefficients : (p + q + P + Q,)
        ar, ma, seasonal ar, seasonal ma; each factor drawn into the region where it is
        stationary or invertible. Zeros where the series is too short for the regressions.
    """
    o = orders
    own_lags = [*range(1, o.p + 1), *(o.s * (i + 1) for i in range(o.P))]
    noise_lags = [*range(1, o.q + 1), *(o.s * (i + 1) for i in range(o.Q))]
    n_long = 0
    noise = w
    if noise_lags:
        # Longer than the season, and growing with the series as consistency asks for.
        n_long = max(own_lags + noise_lags) + int(1.5 * np.log(len(w)))
        n_long = min(n_long, len(w) // 3)
        lagged = _lagged(w, range(1, n_long + 1), n_long)
        noise = np.zeros(len(w))
        noise[n_long:] = w[n_long:] - _least_squares(lagged, w[n_long:]) @ lagged
    first = n_long + max(own_lags + noise_lags, default=0)
    n_columns = len(own_lags) + len(noise_lags)
    if len(w) - first < 2 * n_columns + 2 or not n_columns:
        return np.zeros(n_columns)
    rows = np.concatenate([_lagged(w, own_lags, first), _lagged(noise, noise_lags, first)])
    found = _least_squares(rows, w[first:])
    ar, seasonal_ar, ma, seasonal_ma = np.split(found, np.cumsum([o.p, o.P, o.q]))
    return np.concatenate(
        [
            drawn_inside(ar),
            -drawn_inside(-ma),
            drawn_inside(seasonal_ar),
            -drawn_inside(-seasonal_ma),
        ]
    )


def drawn_inside(phi: Array, margin: float = 0.95) -> Array:
    """phi if it is stationary with room to spare, else drawn towards 0 until it is.

    Multiplying the coefficient of lag i by c^i multiplies every root's inverse by c.
    """
    size = largest_inverse_root(phi)
    if size <= margin:
        return phi
    return phi * (margin / size) ** np.arange(1, len(phi) + 1)


def _lagged(x: Array, lags: Sequence[int], first: int) -> Array:
    """Row i holds x from position ``first`` on, lags[i] steps earlier: (len(lags), n - first)."""
    rows = np.empty((len(lags), len(x) - first))
    for row, lag in zip(rows, lags, strict=True):
        row[:] = x[first - lag : len(x) - lag]
    return rows


def _least_squares(rows: Array, target: Array) -> Array:
    """Coefficients of the regression of target on the rows, by the normal equations.

    A start needs no more digits than they leave, and of a long series they are much the fastest.
    """
    gram = rows @ rows.T
    gram.flat[:: len(rows) + 1] += 1e-10 * np.trace(gram) / len(rows)  # they may be dependent
    return np.linalg.solve(gram, rows @ target)
