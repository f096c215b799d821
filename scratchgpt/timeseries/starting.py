"""Where the search for the coefficients begins."""

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.timeseries.differencing import difference
from scratchgpt.timeseries.orders import Orders
from scratchgpt.timeseries.parameters import largest_inverse_root
from scratchgpt.timeseries.regression import Standardized, interpolated
from scratchgpt.timeseries.search_space import SearchSpace

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
    seen to have one maximum on all series tried. Mixed ones get up to four.
    """
    k = len(standard.beta)
    guess = np.zeros(space.size)
    is_mixed = orders.n_ar > 0 and orders.n_ma > 0
    if orders.n_ar:
        w = difference(interpolated(standard.y), orders.d, orders.D, orders.s)
        guess[k:] = hannan_rissanen(w, orders)
    points = [space.inverse(guess)]
    if is_mixed and thorough:
        points.append(np.zeros(space.size))
        if len(standard.y) < MANY:
            for inverse_root in CANCELLING:
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
        # Long enough for the season and for the logarithm that consistency asks for.
        n_long = max(own_lags + noise_lags) + int(np.log(len(w)) ** 2 / 2)
        n_long = min(n_long, len(w) // 3)
        lagged = _lagged(w, range(1, n_long + 1), n_long)
        noise = np.zeros(len(w))
        noise[n_long:] = w[n_long:] - lagged @ _least_squares(lagged, w[n_long:])
    first = n_long + max(own_lags + noise_lags, default=0)
    n_columns = len(own_lags) + len(noise_lags)
    if len(w) - first < 2 * n_columns + 2 or not n_columns:
        return np.zeros(n_columns)
    columns = np.concatenate(
        [_lagged(w, own_lags, first), _lagged(noise, noise_lags, first)], axis=1
    )
    found = _least_squares(columns, w[first:])
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


def _lagged(x: Array, lags: "list[int] | range", first: int) -> Array:
    """Column i holds x from position ``first`` on, lags[i] steps earlier."""
    if not len(lags):
        return np.empty((len(x) - first, 0))
    return np.stack([x[first - lag : len(x) - lag] for lag in lags], axis=1)


def _least_squares(columns: Array, target: Array) -> Array:
    return np.linalg.lstsq(columns, target, rcond=None)[0]
