"""The augmented Dickey-Fuller test for a unit root."""

from typing import Any, NamedTuple

import numpy as np

from scratchgpt.arguments import whole_number
from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.timeseries.data.series_values import is_constant, series_values

# Number of columns of each trend.
TRENDS = {"n": 0, "c": 1, "ct": 2}
CRITERIA = ("aic", "bic", None)


class Surface(NamedTuple):
    """MacKinnon's response surfaces for the statistic with one trend, fitted to simulations."""

    smallest: float  # below it the p-value is 0
    middle: float  # use polynomial ``left`` up to here, ``right`` above
    largest: float  # above it the p-value is 1
    left: tuple[float, ...]  # polynomial in the statistic for the normal quantile of p
    right: tuple[float, ...]
    critical: dict[float, tuple[float, ...]]  # by level, polynomials in 1 / n


# P-values: MacKinnon 1994, Journal of Business and Economic Statistics 12(2), 167-176, tables 3
# and 4. Critical values: MacKinnon 2010, Queen's University, working paper 1227, table 2.
SURFACES = {
    "n": Surface(
        smallest=-19.04,
        middle=-1.04,
        largest=np.inf,
        left=(0.6344, 1.2378, 0.032496),
        right=(0.4797, 0.93557, -0.06999, 0.033066),
        critical={
            0.01: (-2.56574, -2.2358, -3.627, 0.0),
            0.05: (-1.94100, -0.2686, -3.365, 31.223),
            0.10: (-1.61682, 0.2656, -2.714, 25.364),
        },
    ),
    "c": Surface(
        smallest=-18.83,
        middle=-1.61,
        largest=2.74,
        left=(2.1659, 1.4412, 0.038269),
        right=(1.7339, 0.93202, -0.12745, -0.010368),
        critical={
            0.01: (-3.43035, -6.5393, -16.786, -79.433),
            0.05: (-2.86154, -2.8903, -4.234, -40.040),
            0.10: (-2.56677, -1.5384, -2.809, 0.0),
        },
    ),
    "ct": Surface(
        smallest=-16.18,
        middle=-2.89,
        largest=0.7,
        left=(3.2512, 1.6047, 0.049588),
        right=(2.5261, 0.61654, -0.37956, -0.060285),
        critical={
            0.01: (-3.95877, -9.0531, -28.428, -134.155),
            0.05: (-3.41049, -4.3904, -9.036, -45.374),
            0.10: (-3.12705, -2.5856, -3.925, -22.380),
        },
    ),
}


class DickeyFuller(NamedTuple):
    """The result of the test. A small p-value is evidence against a unit root."""

    statistic: float
    p_value: float
    lags: int
    n: int  # number of observations in the regression
    critical_values: dict[float, float]  # by level, for this n


def dickey_fuller(
    y: Any, trend: str = "c", max_lags: int | None = None, *, criterion: str | None = "aic"
) -> DickeyFuller:
    r"""Test for a unit root (Said and Dickey 1984).

    The statistic is the t statistic of :math:`\rho` in the regression

    .. math:: \Delta y_t = \text{trend} + \rho\, y_{t-1}
        + \sum_{i=1}^{k} \delta_i\, \Delta y_{t-i} + e_t

    Parameters
    ----------
    y : array-like (n,)
        The series, without missing values.
    trend : {"n", "c", "ct"}
        No trend, a constant, or a constant and a line in time.
    max_lags : int, optional
        The largest k; by default Schwert's :math:`\lceil 12 (n/100)^{1/4} \rceil`, or less if the
        series is too short.
    criterion : {"aic", "bic", None}
        The criterion that selects k, computed on the observations that every k can use. With None,
        k is ``max_lags``.

    Returns
    -------
    DickeyFuller

    Raises
    ------
    UserError
        If the series is constant, too short, or fits the regression exactly.
    """
    if trend not in TRENDS:
        raise UserError(f"trend={trend!r}; choose one of {', '.join(map(repr, TRENDS))}")
    if criterion not in CRITERIA:
        raise UserError(f"criterion={criterion!r}; choose 'aic', 'bic' or None")
    y = series_values(y, at_least=4)
    if is_constant(y):
        raise UserError("y is constant; there is nothing to test")
    # The regression needs more observations than columns.
    longest = min(y.size // 2 - TRENDS[trend] - 1, (y.size - 3 - TRENDS[trend]) // 2)
    if max_lags is None:
        max_lags = min(int(np.ceil(12 * (y.size / 100) ** 0.25)), longest)
    most = whole_number(max_lags)
    if most is None or not 0 <= most <= longest:
        raise UserError(
            f"max_lags={max_lags} for a series of {y.size} values with trend={trend!r}; "
            + (f"choose from 0 to {longest}" if longest >= 0 else "the series is too short to test")
        )
    lags = most if criterion is None else _choose_lags(y, trend, most, criterion)

    n_columns = TRENDS[trend] + 1  # the last of these is the level
    design, target = _regression(y, trend, lags)
    # Put the level last, so that the last row of R gives its coefficient and standard error.
    order = [*range(n_columns - 1), *range(n_columns, design.shape[1]), n_columns - 1]
    triangle = _triangle(design[:, order], target)
    n, k = design.shape
    error = abs(triangle[k, k]) / np.sqrt(n - k)
    if error <= 1e-12 * np.abs(target).max():
        raise UserError("y is an exact function of its own past; there is nothing to test")
    statistic = float(np.sign(triangle[k - 1, k - 1]) * triangle[k - 1, k] / error)
    return DickeyFuller(
        statistic,
        _p_value(statistic, SURFACES[trend]),
        lags,
        n,
        {
            level: float(np.polynomial.polynomial.polyval(1 / n, powers))
            for level, powers in SURFACES[trend].critical.items()
        },
    )


def _regression(y: Array, trend: str, lags: int) -> tuple[Array, Array]:
    """Return columns for trend, level and lagged differences, and the differences to explain.

    Their shapes are (n, trend + 1 + lags) and (n,).
    """
    steps = np.diff(y)
    n = steps.size - lags
    columns = [np.ones(n), np.arange(1.0, n + 1)][: TRENDS[trend]]
    columns += [y[lags:-1], *(steps[lags - i : lags - i + n] for i in range(1, lags + 1))]
    return np.column_stack(columns), steps[lags:]


def _triangle(design: Array, target: Array) -> Array:
    """Return R of the QR decomposition of the design with the target as an additional column."""
    # Scale the columns, so that a level around a million does not swamp the differences.
    scale = np.linalg.norm(design, axis=0)
    scale[scale == 0] = 1
    return np.linalg.qr(np.column_stack([design / scale, target])).R


def _choose_lags(y: Array, trend: str, max_lags: int, criterion: str) -> int:
    """Return the number of lags with the lowest AIC or BIC."""
    design, target = _regression(y, trend, max_lags)
    n = target.size
    # The target's elements after the first k give the residual sum of squares of the first k
    # columns, so one decomposition is enough for all numbers of lags.
    left = np.cumsum(_triangle(design, target)[::-1, -1] ** 2)[::-1]
    used = TRENDS[trend] + 1 + np.arange(max_lags + 1)
    with np.errstate(divide="ignore"):
        criteria = n * np.log(left[used]) + (2 if criterion == "aic" else np.log(n)) * used
    return int(np.argmin(criteria))


def _p_value(statistic: float, surface: Surface) -> float:
    from scipy.special import ndtr

    if statistic > surface.largest:
        return 1.0
    if statistic < surface.smallest:
        return 0.0
    powers = surface.left if statistic <= surface.middle else surface.right
    return float(ndtr(np.polynomial.polynomial.polyval(statistic, powers)))
