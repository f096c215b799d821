"""What a user hands in, made into float64 arrays or refused in one line."""

from typing import Any

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.timeseries.data.series_values import series_values


def endog_values(endog: Any, name: str = "endog") -> Array:
    """The values of one series, NaN where one is missing.

    Parameters
    ----------
    endog : list, array (n,) or (n, 1), pandas Series or DataFrame of one column
        ``None``, NaN, ``pandas.NA`` and masked elements are missing.
    name : str
        What error messages call it.

    Returns
    -------
    values : float64 array (n,)
        A copy.

    Raises
    ------
    UserError
        If it is not one series of real numbers, has an infinite value, nothing but missing
        values, or one and the same value everywhere.
    """
    numbers = _numbers(endog, name)
    if numbers.size and np.isnan(numbers).all():
        raise UserError(f"{name} has no observation: all {numbers.size} values are NaN")
    return series_values(numbers, name, missing=True, at_least=1)


def refuse_constant(values: Array, name: str = "endog") -> None:
    """Raise UserError if there are several observed values and all are the same."""
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
) -> Array:
    """The columns of exog.

    Parameters
    ----------
    exog : list, array (n_rows,) or (n_rows, k), pandas Series or DataFrame
    n_rows : int
    name : str
        What error messages call it.
    rows : str
        What n_rows is the length of, for the error message.
    names : tuple of str, optional
        Of the columns that there must be; then a single row may come as a flat list.

    Returns
    -------
    columns : float64 array (n_rows, k)

    Raises
    ------
    UserError
        If its length is another, or a value is missing or infinite.
    """
    columns = _numbers(exog, name)
    if columns.ndim == 1:
        is_row = n_rows == 1 and names is not None and len(columns) == len(names)
        columns = columns[None] if is_row else columns[:, None]
    if columns.ndim != 2:
        raise UserError(
            f"{name} has shape {columns.shape}; give one row a time and one column a regressor"
        )
    if len(columns) != n_rows:
        raise UserError(f"{name} has {len(columns)} rows, but {rows} has {n_rows}")
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
            "regressors must be known at every time"
        )
    return columns


def column_names(exog: Any, n_columns: int) -> tuple[str, ...]:
    """The names that pandas gives the columns of exog, or x1, x2, ..."""
    if hasattr(exog, "columns"):
        return tuple(str(name) for name in exog.columns)
    own = getattr(exog, "name", None)
    if n_columns == 1 and isinstance(own, str):
        return (own,)
    return tuple(f"x{i + 1}" for i in range(n_columns))


def positive_count(name: str, value: Any) -> int:
    """A whole number from 1 on, or UserError."""
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
        raise UserError(f"{name}={value!r} must be a whole number from 1 on")
    return int(value)


def _numbers(data: Any, name: str) -> Array:
    """A float64 copy of anything that is real numbers."""
    if hasattr(data, "to_numpy"):
        try:  # pandas' nullable columns hold NA, which NumPy cannot convert
            data = data.to_numpy(dtype=np.float64, na_value=np.nan)
        except (TypeError, ValueError):
            data = data.to_numpy()
    if isinstance(data, np.ma.MaskedArray):
        data = np.ma.filled(data.astype(np.float64), np.nan)
    kind = getattr(getattr(data, "dtype", None), "kind", "f")
    if kind in "cmM":
        raise UserError(f"{name} is of dtype {data.dtype}; give real numbers")
    try:
        return np.array(data, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise UserError(f"{name} is not an array of numbers: {error}") from None
