"""Checks of what the user passes: features, classes and attributes."""

from typing import Any

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError, counted


def as_features(x: Any, n_features: int | None = None) -> Array:
    """Return features as an array (N, d) of float64.

    Raises
    ------
    UserError
        If they are not such an array, or contain NaN or infinity.
    """
    x = _matrix("X", x, "one row per example, one column per feature")
    if n_features is not None and x.shape[1] != n_features:
        raise UserError(
            f"X has {counted(x.shape[1], 'feature')}, but the model was fitted with "
            f"{n_features:,}; compute the same features"
        )
    return x


def as_attributes(s: Any, n_attributes: int | None = None) -> Array:
    """Return class attributes as an array (K, m) of float64; raise UserError as above."""
    s = _matrix("S", s, "one row per class, one column per attribute")
    if n_attributes is not None and s.shape[1] != n_attributes:
        raise UserError(
            f"S has {counted(s.shape[1], 'attribute')}, but the model was fitted with "
            f"{n_attributes:,}; use the same columns"
        )
    return s


def as_labels(y: Any, n_examples: int, n_classes: int) -> Array:
    """Return the class of each example as an integer array (N,).

    Raises
    ------
    UserError
        If y is not such an array, a number is not that of a class, a class has no example, or
        there are fewer than two classes.
    """
    y = np.asarray(y)
    if y.shape != (n_examples,) or y.dtype.kind not in "iu":
        raise UserError(
            f"y is {y.dtype} {y.shape}, but must be integers ({n_examples},): the row of S for "
            "each row of X"
        )
    if n_classes < 2:
        raise UserError("S has only one class; at least two are needed to distinguish any")
    outside = y[(y < 0) | (y >= n_classes)]
    if outside.size:
        raise UserError(
            f"y contains {outside[0]}, but S has {counted(n_classes, 'row')}; use numbers from 0 "
            f"to {n_classes - 1:,}"
        )
    y = y.astype(np.int64)
    empty = np.flatnonzero(np.bincount(y, minlength=n_classes) == 0)
    if empty.size:
        raise UserError(
            f"class {empty[0]} of S has no example in y; pass the attributes of the other classes "
            "only, and those of this class to predict"
        )
    return y


def check_binary(s: Array, method: str) -> None:
    """Raise UserError unless all attributes are 0 or 1."""
    other = s[(s != 0) & (s != 1)]
    if other.size:
        raise UserError(
            f"{method} needs attributes that are 0 or 1, but S contains {other[0]:g}; use "
            "binary_attributes(S), or ESZSL"
        )


def varying(s: Array) -> Array:
    """Return the columns of S that differ between classes; all others cannot be learned."""
    return np.flatnonzero((s != s[0]).any(axis=0))


def check_varying(s: Array) -> None:
    """Raise UserError if an attribute is the same for all classes."""
    fixed = np.setdiff1d(np.arange(s.shape[1]), varying(s))
    if fixed.size:
        raise UserError(
            f"column {fixed[0]} of S is {s[0, fixed[0]]:g} in all classes, so this attribute "
            "cannot be learned; leave the column out"
        )


def binary_attributes(s: Any) -> Array:
    """Return attributes as 0 and 1: 1 if above the mean of all values of S.

    This threshold gives the binary matrix of Lampert, Nickisch and Harmeling (2009) from their
    continuous one.

    Parameters
    ----------
    s : array (K, m)

    Returns
    -------
    binary : array (K, m)
    """
    s = as_attributes(s)
    return (s > s.mean()).astype(np.float64)


def _matrix(name: str, x: Any, layout: str) -> Array:
    try:
        x = np.asarray(x)
    except ValueError:  # rows of different lengths
        raise UserError(f"{name} is not an array of numbers with {layout}") from None
    if x.dtype.kind not in "fiub" or x.ndim != 2 or not x.size:
        raise UserError(f"{name} is {x.dtype} {x.shape}, but must be numbers (n, m): {layout}")
    x = x.astype(np.float64)
    bad = np.argwhere(~np.isfinite(x))
    if len(bad):
        row, column = bad[0]
        raise UserError(
            f"{name} contains {x[row, column]} in row {row}, column {column}; remove or replace it"
        )
    return x
