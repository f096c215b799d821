"""Forecasts with standard errors and intervals."""

from typing import Any

import numpy as np

from scratchgpt.arguments import real_number
from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.timeseries.data.index import TimeIndex


class Forecast:
    """Means and standard errors of the values that follow a series.

    The standard errors cover the future noise of the process. They do not cover the uncertainty of
    the estimated parameters, which are treated as known, as in R and in statsmodels.

    Attributes
    ----------
    predicted_mean : array (steps,) or pandas Series
        NaN if no observation determines the level of the value, as for a day of the week that was
        never observed. Its variance is then infinite.
    var_pred_mean : array (steps,) or pandas Series
        Variances of the forecast errors.
    se_mean : array (steps,) or pandas Series
        Standard deviations of the forecast errors.
    """

    def __init__(self, mean: Array, variance: Array, index: TimeIndex, start: int) -> None:
        self._mean, self._variance, self._index, self._start = mean, variance, index, start

    def __len__(self) -> int:
        return len(self._mean)

    @property
    def predicted_mean(self) -> Any:
        return self._index.series(self._mean, self._start, "predicted_mean")

    @property
    def var_pred_mean(self) -> Any:
        return self._index.series(self._variance, self._start, "var_pred_mean")

    @property
    def se_mean(self) -> Any:
        return self._index.series(np.sqrt(self._variance), self._start, "mean_se")

    def conf_int(self, alpha: float = 0.05) -> Any:
        """Compute intervals that contain each value with probability 1 - alpha, for Gaussian noise.

        Parameters
        ----------
        alpha : float
            Between 0 and 1; 0.05 gives 95 % intervals.

        Returns
        -------
        bounds : array (steps, 2) or pandas DataFrame
            Lower and upper bounds.

        Raises
        ------
        UserError
            If alpha is not between 0 and 1.
        """
        half = normal_quantile(alpha) * np.sqrt(self._variance)
        center = np.where(np.isinf(half), 0.0, self._mean)  # NaN, if the variance is infinite
        bounds = np.stack([center - half, center + half], axis=1)
        name = self._index.name if self._index.name is not None else "y"
        return self._index.frame(bounds, self._start, [f"lower {name}", f"upper {name}"])

    def summary_frame(self, alpha: float = 0.05) -> Any:
        """Return mean, standard error and interval bounds: array (steps, 4) or pandas DataFrame."""
        bounds = np.asarray(self.conf_int(alpha))
        table = np.column_stack([self._mean, np.sqrt(self._variance), bounds])
        columns = ["mean", "mean_se", "mean_ci_lower", "mean_ci_upper"]
        return self._index.frame(table, self._start, columns)


def normal_quantile(alpha: float) -> float:
    """Return the z such that a standard normal value lies in [-z, z] with probability 1 - alpha."""
    from scipy.special import ndtri

    level = real_number(alpha)
    if level is None or not 0 < level < 1:
        raise UserError(f"alpha={alpha!r} must be between 0 and 1; 0.05 gives 95 % intervals")
    return float(-ndtri(level / 2))
