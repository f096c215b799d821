"""Conversion of anything that holds real numbers to a float64 array."""

import decimal
from typing import Any

import numpy as np

from scratchgpt.arguments import real_number
from scratchgpt.backend import Array
from scratchgpt.errors import UserError

REAL = "iufb"  # kinds of dtypes: integers, unsigned integers, floats and bools


def real_numbers(data: Any, name: str) -> Array:
    """Copy real numbers into a float64 array.

    Parameters
    ----------
    data : list, array, pandas Series or DataFrame
        ``None``, NaN, ``pandas.NA`` and masked elements are missing. Text counts as the number that
        it spells.
    name : str
        The name of ``data`` in error messages.

    Returns
    -------
    float64 array
        A copy, with NaN for missing values.

    Raises
    ------
    UserError
        If an element is a date, a duration, a complex number or anything else that is not a real
        number, or if the rows have different lengths.
    """
    if isinstance(data, np.ma.MaskedArray):
        values = real_numbers(data.data, name)
        values[np.ma.getmaskarray(data)] = np.nan
        return values
    if hasattr(data, "to_numpy"):
        data = _without_na(data)
    try:
        values = np.asarray(data)
    except (TypeError, ValueError) as error:
        raise UserError(f"{name} is not an array of numbers: {error}") from None
    if values.dtype.kind in REAL:
        return np.array(values, dtype=np.float64)
    if values.dtype.kind not in "OUST":
        raise UserError(f"{name} has dtype {values.dtype}; give real numbers")
    numbers = np.empty(values.shape)
    for at, element in np.ndenumerate(values):
        numbers[at] = _number(element, name)
    return numbers


def _without_na(data: Any) -> Array:
    """Convert a column or a table of another library to an array, with NaN for pandas.NA."""
    dtypes = data.dtypes if hasattr(data, "columns") else [getattr(data, "dtype", None)]
    if all(getattr(dtype, "kind", "O") in REAL for dtype in dtypes):
        try:
            return data.to_numpy(dtype=np.float64, na_value=np.nan)
        except TypeError:  # not pandas
            pass
    return data.to_numpy()


def _number(element: Any, name: str) -> float:
    if element is None or type(element).__name__ == "NAType":
        return np.nan
    if isinstance(element, str | bytes | decimal.Decimal):
        try:
            return float(element)
        except ValueError:
            raise UserError(
                f"{name} is not an array of numbers: it contains {element!r}; give real numbers, "
                "and NaN for missing values"
            ) from None
    number = float(element) if isinstance(element, bool | np.bool_) else real_number(element)
    if number is None:
        raise UserError(
            f"{name} is not an array of numbers: it contains {element!r}; give real numbers, and "
            "NaN for missing values"
        )
    return float(number)
