"""The trend of a model: powers of time as columns of its regression."""

from collections.abc import Sequence

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.timeseries.orders import Orders

TRENDS = {"n": (), "c": (0,), "t": (1,), "ct": (0, 1), "ctt": (0, 1, 2)}


def trend_powers(trend: str | Sequence[int] | None, orders: Orders) -> tuple[int, ...]:
    """Return the powers of time in the regression.

    Parameters
    ----------
    trend : str, list of 0 and 1, or None
        "n" is no trend, "c" a constant, "t" a line through 0, "ct" a constant and a line, "ctt" a
        constant, a line and a square. A list has a 1 for each power to include, starting from the
        constant: [1, 0, 1] is a + b t². None means "c" for a model without differences and "n" for
        a model with differences.
    orders : Orders

    Returns
    -------
    powers : tuple of int

    Raises
    ------
    UserError
        If ``trend`` is invalid, or the differences of the model turn a power into 0.
    """
    n_differences = orders.d + orders.D
    if trend is None:
        return () if n_differences else (0,)
    if isinstance(trend, str) and trend in TRENDS:
        powers = TRENDS[trend]
    elif isinstance(trend, list | tuple) and all(flag in (0, 1) for flag in trend):
        powers = tuple(power for power, flag in enumerate(trend) if flag)
    else:
        raise UserError(
            f"trend={trend!r} must be one of {', '.join(map(repr, TRENDS))}, or a list with a 0 or "
            "1 for each power of time, starting from the constant"
        )
    if powers and powers[0] < n_differences:
        lost = (
            ("constant", "linear trend", "square trend")[powers[0]]
            if powers[0] < 3
            else (f"power {powers[0]} of time")
        )
        raise UserError(
            f"trend={trend!r}: {orders} takes {n_differences} difference"
            f"{'s' * (n_differences > 1)}, which turn{'s' * (n_differences == 1)} the {lost} into "
            f"0; leave it out{', or use trend=' + repr('t') if n_differences == 1 else ''}"
        )
    return powers


def trend_columns(powers: tuple[int, ...], start: int, n: int) -> Array:
    """Compute powers of time (1, 2, ...) at ``n`` positions from ``start`` on: (n, len(powers))."""
    time = np.arange(start + 1, start + n + 1, dtype=np.float64)
    return time[:, None] ** np.array(powers, dtype=np.int64)


def trend_names(powers: tuple[int, ...], orders: Orders) -> tuple[str, ...]:
    """Return the names of the coefficients.

    After one difference, a slope is the mean of the differences and is called drift.
    """
    line = "drift" if orders.d + orders.D == 1 else "trend"
    names = {0: "const", 1: line}
    return tuple(names.get(power, f"trend.{power}") for power in powers)
