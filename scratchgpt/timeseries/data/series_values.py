"""Checks and basic operations on the values of a series."""

from typing import Any

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.timeseries.data.real_numbers import real_numbers

LARGEST, SMALLEST = 1e150, 1e-150  # the range of a series


def series_values(x: Any, name: str = "y", *, missing: bool = False, at_least: int = 2) -> Array:
    """Convert a series to float64 and check it.

    Parameters
    ----------
    x : array-like (n,)
        Anything that :func:`~scratchgpt.timeseries.data.real_numbers.real_numbers` accepts. Shape
        (n, 1) is treated as (n,).
    name : str
        The name of the series in error messages.
    missing : bool
        Whether NaN, a missing value, is allowed.
    at_least : int
        The minimum number of observed values.

    Returns
    -------
    array (n,), float64
        A copy.

    Raises
    ------
    UserError
        If ``x`` is not one series of numbers, has an infinite value, or has too few observed
        values, or if squares of its values are too large or too small for float64.
    """
    values = real_numbers(x, name)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise UserError(f"{name} has shape {values.shape}; give one series, of shape (n,)")
    unknown = np.isnan(values)
    if np.isinf(values).any():
        first = int(np.argmax(np.isinf(values)))
        raise UserError(f"{name}[{first}] is infinite; use NaN for a missing value")
    if unknown.any() and not missing:
        raise UserError(f"{name}[{int(np.argmax(unknown))}] is missing (NaN); fill it in first")
    observed = values.size - int(unknown.sum())
    if observed < at_least:
        raise UserError(f"{name} has {observed} observed values; at least {at_least} are needed")
    refuse_extremes(values[~unknown], name)
    return values


def refuse_extremes(values: Array, name: str) -> None:
    """Raise UserError if squares of the values are too large or too small for float64."""
    largest = np.abs(values).max(initial=0.0)
    if largest > LARGEST or 0 < largest < SMALLEST:
        raise UserError(
            f"{name} has values of size {largest:.0e}, whose squares are not float64 numbers; "
            "change its unit, for example to thousands or thousandths"
        )


def is_constant(x: Array) -> bool:
    """Whether all observed values are equal within R's tolerance of 1.5e-8."""
    observed = x[~np.isnan(x)]
    if observed.size == 0:
        return True
    gap = np.abs(observed - observed[0])
    return bool(gap.mean() <= 1.5e-8 * abs(observed[0])) or not gap.any()


def interpolated(y: Array) -> Array:
    """Fill in the missing values of y (n,) by linear interpolation.

    Missing values at either end take the nearest observed value.
    """
    known = ~np.isnan(y)
    if known.all():
        return y
    time = np.arange(len(y))
    return np.interp(time, time[known], y[known])
