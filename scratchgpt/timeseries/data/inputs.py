"""Conversion of user input to float64 arrays, with one-line errors for invalid input."""

from typing import Any

import numpy as np

from scratchgpt.arguments import whole_number
from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.timeseries.data.matching import columns_named
from scratchgpt.timeseries.data.pandas_labels import pandas_index
from scratchgpt.timeseries.data.real_numbers import real_numbers
from scratchgpt.timeseries.data.series_values import refuse_extremes, series_values


def endog_values(endog: Any, name: str = "endog", *, all_missing: bool = False) -> Array:
    """Convert one series to an array, with NaN for missing values.

    Parameters
    ----------
    endog : list, array (n,) or (n, 1), pandas Series or DataFrame of one column
        ``None``, NaN, ``pandas.NA`` and masked elements are missing.
    name : str
        The name of the series in error messages.
    all_missing : bool
        Whether all values may be missing.

    Returns
    -------
    values : float64 array (n,)
        A copy.

    Raises
    ------
    UserError
        If ``endog`` is not one series of real numbers, is empty, has an infinite value, or has only
        missing values.
    """
    numbers = real_numbers(endog, name)
    is_missing = numbers.size > 0 and bool(np.isnan(numbers).all())
    if is_missing and not all_missing:
        raise UserError(f"{name} has no observation: all {numbers.size} values are NaN")
    return series_values(numbers, name, missing=True, at_least=0 if is_missing else 1)


def refuse_constant(values: Array, name: str = "endog") -> None:
    """Raise UserError if the series has several observed values and they are all equal."""
    observed = values[~np.isnan(values)]
    if len(observed) > 1 and (observed == observed[0]).all():
        raise UserError(
            f"{name} is constant: all {len(observed)} observed values are {observed[0]:g}; "
            "there is nothing to model"
        )


def regressors(
    exog: Any,
    n_rows: int,
    name: str = "exog",
    rows: str = "endog",
    names: tuple[str, ...] | None = None,
    by_name: bool = True,
) -> Array:
    """Convert regressors to an array with one column per regressor.

    Parameters
    ----------
    exog : list, array (n_rows,) or (n_rows, k), pandas Series or DataFrame
    n_rows : int
    name : str
        The name of ``exog`` in error messages.
    rows : str
        The name of the object with ``n_rows`` rows, for error messages.
    names : tuple of str, optional
        Names of the required columns. If given, a single row may be a flat list.
    by_name : bool
        Whether to find the columns by ``names``, if exog names its columns.

    Returns
    -------
    columns : float64 array (n_rows, k)

    Raises
    ------
    UserError
        If ``exog`` does not have ``n_rows`` rows or lacks a column, or a value is missing or
        infinite, or its square is not a float64 number.
    """
    if by_name and names is not None and (there := given_names(exog)) is not None:
        found = columns_named(there, names, name)
        if hasattr(exog, "columns"):
            exog = getattr(exog, "iloc", exog)[:, found]
    columns = real_numbers(exog, name)
    if columns.ndim == 1:
        is_row = n_rows == 1 and names is not None and len(columns) == len(names)
        columns = columns[None] if is_row else columns[:, None]
    if columns.ndim != 2:
        raise UserError(
            f"{name} has shape {columns.shape}; give one row per time and one column per regressor"
        )
    if len(columns) != n_rows:
        raise UserError(f"{name} has {len(columns)} rows, but {rows} has {n_rows}; make them equal")
    if names is not None and columns.shape[1] != len(names):
        raise UserError(
            f"{name} has {columns.shape[1]} columns, but the model has {len(names)}: "
            f"{', '.join(names)}"
        )
    broken = ~np.isfinite(columns)
    if broken.any():
        row, column = (int(i) for i in np.argwhere(broken)[0])
        raise UserError(
            f"{name} is {columns[row, column]} in row {row}, column {column}; "
            "regressors must have a finite value at every time"
        )
    labels = names or given_names(exog) or range(columns.shape[1])
    for column, label in zip(columns.T, labels, strict=True):
        refuse_extremes(column, f"{name}: column {label}")
    return columns


def given_names(exog: Any) -> tuple[str, ...] | None:
    """Return the pandas names of the columns of exog, or None if it does not name them."""
    if hasattr(exog, "columns"):
        return tuple(str(name) for name in exog.columns)
    own = getattr(exog, "name", None)
    return (own,) if isinstance(own, str) and own and exog.ndim == 1 else None


def as_row(exog: Any, names: tuple[str, ...]) -> Any:
    """Convert a pandas Series with one element per column, a row of a DataFrame, to a DataFrame."""
    labels = pandas_index(exog)
    is_row = labels is not None and exog.ndim == 1 and set(names) <= set(map(str, labels))
    return exog.to_frame().T if is_row else exog


def column_names(exog: Any, n_columns: int) -> tuple[str, ...]:
    """Return the pandas names of the columns of exog, or x1, x2, ...

    Raises
    ------
    UserError
        If two columns have the same name.
    """
    names = given_names(exog) or tuple(f"x{i + 1}" for i in range(n_columns))
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"exog has several columns named {name!r}; rename them")
    return names


def positive_count(name: str, value: Any) -> int:
    """Return value if it is an integer of at least 1, else raise UserError."""
    number = whole_number(value)
    if number is None or number < 1:
        raise UserError(f"{name}={value!r} must be an integer of at least 1")
    return number
