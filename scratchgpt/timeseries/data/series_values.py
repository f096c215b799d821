"""What a series must be before anything is computed from it."""

from typing import Any

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError


def series_values(x: Any, name: str = "y", *, missing: bool = False, at_least: int = 2) -> Array:
    """A series as float64 numbers.

    Parameters
    ----------
    x : array-like (n,)
        Anything that NumPy makes numbers of, a pandas Series too; (n, 1) is taken as (n,).
    name : str
        What to call it in an error.
    missing : bool
        Whether NaN is allowed: a value that was not observed.
    at_least : int
        How many values must have been observed.

    Returns
    -------
    array (n,), float64

    Raises
    ------
    UserError
        If it is not one series of numbers, has an infinite value, or too few observed ones.
    """
    try:
        values = np.asarray(x, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise UserError(f"{name} is not a series of numbers: {error}") from None
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise UserError(f"{name} has shape {values.shape}; give one series, of shape (n,)")
    unknown = np.isnan(values)
    if np.isinf(values).any():
        first = int(np.argmax(np.isinf(values)))
        raise UserError(f"{name}[{first}] is infinite; write NaN for what was not observed")
    if unknown.any() and not missing:
        raise UserError(f"{name}[{int(np.argmax(unknown))}] is missing (NaN); fill it in first")
    observed = values.size - int(unknown.sum())
    if observed < at_least:
        raise UserError(f"{name} has {observed} observed values; at least {at_least} are needed")
    return values


def is_constant(x: Array) -> bool:
    """Whether all observed values are the same but for rounding, by R's tolerance of 1.5e-8."""
    observed = x[~np.isnan(x)]
    if observed.size == 0:
        return True
    gap = np.abs(observed - observed[0])
    return bool(gap.mean() <= 1.5e-8 * abs(observed[0])) or not gap.any()


def interpolated(y: Array) -> Array:
    """y (n,) with straight lines across what is missing; beyond what is known they are level."""
    known = ~np.isnan(y)
    if known.all():
        return y
    time = np.arange(len(y))
    return np.interp(time, time[known], y[known])
