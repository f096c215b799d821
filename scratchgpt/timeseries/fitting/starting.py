"""Starting points for the search for the coefficients."""

from collections.abc import Sequence

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.timeseries.data.series_values import interpolated
from scratchgpt.timeseries.fitting.parameters import largest_inverse_root
from scratchgpt.timeseries.fitting.regression import Standardized
from scratchgpt.timeseries.fitting.search_space import SearchSpace
from scratchgpt.timeseries.likelihood.differencing import difference
from scratchgpt.timeseries.orders import Orders

# If a root of the autoregression cancels a root of the moving average, the model reduces to a lower
# order, and the likelihood often has local maxima nearby. Searches from these inverse roots, one on
# either side, were observed to reach the highest maximum.
CANCELING_ROOTS = (-0.66, 0.9)
# With this many observations, the regressions below start near the highest maximum.
LONG_SERIES = 1000


def starting_points(
    standard: Standardized, orders: Orders, space: SearchSpace, *, thorough: bool
) -> list[Array]:
    """Choose starting points in the search space, the most promising first.

    A pure autoregression or a pure moving average gets one point, because its likelihood had a
    single maximum on all series tried. A mixed model gets four, unless the series is long.
    """
    k = len(standard.beta)
    guess = np.zeros(space.size)
    is_mixed = orders.n_ar > 0 and orders.n_ma > 0
    if orders.n_ar:
        w = difference(interpolated(standard.y), orders.d, orders.D, orders.s)
        guess[k:] = hannan_rissanen(w, orders)
    points = [space.inverse(guess)]
    if is_mixed and thorough and len(standard.y) < LONG_SERIES:
        for inverse_root in (0.0, *CANCELING_ROOTS):
            coefficients = np.zeros(space.size)
            for where, sign, _ in space.factors:
                coefficients[where.start] = sign * inverse_root
            points.append(space.inverse(coefficients))
    return points


def hannan_rissanen(w: Array, orders: Orders) -> Array:
    """Estimate coefficients by two regressions (Hannan and Rissanen 1982, Biometrika 69).

    A long autoregression estimates the innovations. The series is then regressed on its own lags
    and on the lags of the innovations. Cross terms of seasonal factors are omitted; the result is
    accurate enough for a starting point.

    Parameters
    ----------
    w : (n,)
        The differenced series, without its regression and without missing values.
    orders : Orders

    Returns
    -------
    coefficients : (p + q + P + Q,)
        ar, ma, seasonal ar, seasonal ma. Each factor is shrunk until it is stationary or
        invertible. Zeros if the series is too short for the regressions.
    """
    o = orders
    own_lags = [*range(1, o.p + 1), *(o.s * (i + 1) for i in range(o.P))]
    noise_lags = [*range(1, o.q + 1), *(o.s * (i + 1) for i in range(o.Q))]
    n_long = 0
    noise = w
    if noise_lags:
        # Longer than the season; it grows with the series, as consistency requires.
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
            shrink_to_stationary(ar),
            -shrink_to_stationary(-ma),
            shrink_to_stationary(seasonal_ar),
            -shrink_to_stationary(-seasonal_ma),
        ]
    )


def shrink_to_stationary(phi: Array, margin: float = 0.95) -> Array:
    """Shrink phi towards 0 until its largest inverse root is at most ``margin``.

    Multiplying the coefficient of lag i by c^i multiplies every inverse root by c.
    """
    size = largest_inverse_root(phi)
    if size <= margin:
        return phi
    return phi * (margin / size) ** np.arange(1, len(phi) + 1)


def _lagged(x: Array, lags: Sequence[int], first: int) -> Array:
    """Stack lagged copies of x, from position ``first`` on: (len(lags), n - first)."""
    rows = np.empty((len(lags), len(x) - first))
    for row, lag in zip(rows, lags, strict=True):
        row[:] = x[first - lag : len(x) - lag]
    return rows


def _least_squares(rows: Array, target: Array) -> Array:
    """Regress target on the rows by the normal equations and return the coefficients.

    The normal equations are precise enough for a starting point and by far the fastest method for a
    long series.
    """
    gram = rows @ rows.T
    gram.flat[:: len(rows) + 1] += 1e-10 * np.trace(gram) / len(rows)  # rows may be dependent
    return np.linalg.solve(gram, rows @ target)
