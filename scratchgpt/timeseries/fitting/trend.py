"""The trend of a model: powers of time among the columns of its regression."""

from collections.abc import Sequence

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.timeseries.orders import Orders

TRENDS = {"n": (), "c": (0,), "t": (1,), "ct": (0, 1), "ctt": (0, 1, 2)}


def trend_powers(trend: str | Sequence[int] | None, orders: Orders) -> tuple[int, ...]:
    """Which powers of time the regression has.

    Parameters
    ----------
    trend : str, list of 0 and 1, or None
        "n" none, "c" a constant, "t" a line through 0, "ct" both, "ctt" a square as well; or for
        each power whether it is there, from the constant on: [1, 0, 1] is a + b t². None is "c"
        for a model that takes no differences and "n" for one that does.
    orders : Orders

    Returns
    -------
    powers : tuple of int

    Raises
    ------
    UserError
        If it cannot be read, or the differences that the model takes turn a power into 0.
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
            f"trend={trend!r} must be one of {', '.join(map(repr, TRENDS))}, or a list that says "
            "0 or 1 for each power of time, from the constant on"
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
    """Powers of time at ``n`` positions from ``start`` on; time counts 1, 2, ...: (n, len)."""
    time = np.arange(start + 1, start + n + 1, dtype=np.float64)
    return time[:, None] ** np.array(powers, dtype=np.int64)


def trend_names(powers: tuple[int, ...], orders: Orders) -> tuple[str, ...]:
    """Names of the coefficients; a slope in a model of differences is their mean, the drift."""
    line = "drift" if orders.d + orders.D == 1 else "trend"
    names = {0: "const", 1: line}
    return tuple(names.get(power, f"trend.{power}") for power in powers)
