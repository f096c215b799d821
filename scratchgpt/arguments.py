"""Numbers among the arguments of a function: Python's, NumPy's, or those of another library."""

import math
from dataclasses import fields
from numbers import Integral, Real
from typing import Any

import numpy as np

from scratchgpt.errors import UserError


def plain(value: Any) -> Any:
    """Return a number, a bool or a string of NumPy as Python's; return other objects unchanged.

    An array without axes counts as the element that it holds, because indexing and reductions
    return either.
    """
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, np.timedelta64):  # NumPy counts a duration among the integers
        return value
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return _as_float(value)
    return str(value) if isinstance(value, np.str_) else value


def plain_fields(config: Any) -> None:
    """Apply :func:`plain` to each field of a dataclass, also of a frozen one.

    So its repr and its JSON do not depend on the library that the numbers came from.
    """
    for field in fields(config):
        object.__setattr__(config, field.name, plain(getattr(config, field.name)))


def whole_number(value: Any) -> int | None:
    """Return an integer as a Python int, and None for everything else: a bool is not a number."""
    value = plain(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def real_number(value: Any) -> int | float | None:
    """Return a real number as a Python int or float, and None for everything else.

    An int beyond the range of floats is infinite.
    """
    value = plain(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if math.isfinite(_as_float(value)) else _as_float(value)


def check_whole(name: str, value: Any, *, least: int | None = None) -> int:
    """Return an integer argument as a Python int.

    Raises
    ------
    UserError
        If it is not an integer, or less than ``least``.
    """
    number = whole_number(value)
    if number is None or (least is not None and number < least):
        at_least = "" if least is None else f", {least} or more"
        raise UserError(f"{name}={plain(value)!r} must be a whole number{at_least}")
    return number


def check_real(name: str, value: Any, *, least: float = -math.inf) -> float:
    """Return a real argument as a Python number.

    Raises
    ------
    UserError
        If it is not a number, is NaN, or is less than ``least``.
    """
    number = real_number(value)
    if number is None or not number >= least:
        at_least = "" if least == -math.inf else f", {least} or more"
        raise UserError(f"{name}={plain(value)!r} must be a number{at_least}")
    return number


def _as_float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:  # an int or a fraction beyond the range of floats
        return math.inf if value > 0 else -math.inf
