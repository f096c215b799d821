"""The data of an experiment: examples, attributes, and which classes are seen."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array


class AttributeTask(NamedTuple):
    """Examples of seen classes to learn from, and examples of seen and unseen classes to test.

    Attributes
    ----------
    x : array (N, d)
        Features of the training examples.
    y : integer array (N,)
        Class of each training example, a row of ``s``.
    x_test, y_test : arrays (M, d) and (M,)
    s : array (K, m)
        Attributes of all classes, which may be continuous.
    binary : array (K, m)
        The attributes as 0 and 1.
    is_seen : bool array (K,)
        Whether a class has training examples.
    names : tuple of str (K,)
        Names of the classes.
    held_out : sequence of integer arrays or None
        Classes to hold out for the choice of constants; None is a random choice.
    """

    x: Array
    y: Array
    x_test: Array
    y_test: Array
    s: Array
    binary: Array
    is_seen: Array
    names: tuple[str, ...]
    held_out: Sequence[Array] | None = None


def standardized(x: Array, *others: Array) -> tuple[Array, ...]:
    """Shift and scale features so that each has mean 0 and the same variance in ``x``.

    The mean squared length of a row of ``x`` becomes 1, so constants have the same meaning for
    any number of features. A feature that is the same in all rows becomes 0.

    Parameters
    ----------
    x : array (N, d)
        Training features; their means and standard deviations are used.
    *others : arrays (M, d)
        Further features to transform in the same way.

    Returns
    -------
    arrays : tuple
        ``x`` and the others.
    """
    mean, deviation = x.mean(axis=0), x.std(axis=0)
    is_constant = deviation <= 1e-12 * np.abs(mean)
    scale = np.where(is_constant, 0.0, 1.0 / np.where(is_constant, 1.0, deviation))
    scale /= np.sqrt(max(1, int(np.count_nonzero(~is_constant))))
    return tuple((each - mean) * scale for each in (x, *others))
