"""Correlation of similarities with the judgments of people, as in the STS tasks."""

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError


def spearman(x: Array, y: Array) -> float:
    """Return Spearman's rank correlation: Pearson's of the ranks, and the mean rank among equals.

    Parameters
    ----------
    x, y : array (n,)

    Raises
    ------
    UserError
        As :func:`pearson`.
    """
    x, y = _checked(x, y)
    return pearson(average_ranks(x), average_ranks(y))


def pearson(x: Array, y: Array) -> float:
    r"""Return Pearson's correlation, the cosine of the deviations from the means.

    .. math::
        \frac{\sum_i (x_i - \bar x)(y_i - \bar y)}
             {\sqrt{\sum_i (x_i - \bar x)^2 \sum_i (y_i - \bar y)^2}}

    Parameters
    ----------
    x, y : array (n,)

    Raises
    ------
    UserError
        If the arrays differ in length, have fewer than 2 values, all equal values, or NaN.
    """
    x, y = _checked(x, y)
    dx, dy = _direction(x), _direction(y)
    return min(max(float(dx @ dy), -1.0), 1.0)


def average_ranks(x: Array) -> Array:
    """Return the rank of each value (n,), from 1; equal values have the mean of their ranks."""
    _, inverse, counts = np.unique(x, return_inverse=True, return_counts=True)
    last = counts.cumsum()
    return (last - (counts - 1) / 2)[inverse]


def _direction(x: Array) -> Array:
    """Return the deviations from the mean, scaled to length 1; squares of large ones overflow."""
    x = x / np.abs(x).max()
    deviations = x - x.mean()
    deviations /= np.abs(deviations).max()
    return deviations / np.linalg.norm(deviations)


def _checked(x: Array, y: Array) -> tuple[Array, Array]:
    x, y = np.asarray(x, float), np.asarray(y, float)
    if x.ndim != 1 or x.shape != y.shape or len(x) < 2:
        raise UserError(
            f"the values have the shapes {x.shape} and {y.shape}; give two lists of the same "
            "length, with at least 2 values each"
        )
    for name, values in (("first", x), ("second", y)):
        if not np.isfinite(values).all():
            raise UserError(f"the {name} list has a value that is NaN or infinite; remove it")
        if (values == values[0]).all():
            raise UserError(
                f"all values of the {name} list are {values[0]:g}, so that the correlation is not "
                "defined; give different ones"
            )
    return x, y
