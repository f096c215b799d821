"""The minimum of the loss of a linear classifier, by L-BFGS with a bound of the Hessian."""

import warnings
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array

MEMORY = 10  # pairs of steps and changes of the gradient
MAX_ITERATIONS = 500

# loss(parameters) -> (loss, gradient), both for parameters (d + 1, m); the last row is the bias.
Loss = Callable[[Array], tuple[float, Array]]


class Gram(NamedTuple):
    """The products of features that bound the Hessian; they do not depend on the penalty.

    Attributes
    ----------
    products : array (d + 1, d + 1)
        Of the features and a constant 1.
    """

    products: Array

    @classmethod
    def of(cls, x: Array) -> "Gram":
        """Compute the products of features x (N, d)."""
        total = x.sum(axis=0)
        products = np.block([[x.T @ x, total[:, None]], [total[None], np.array([[len(x)]])]])
        return cls(products)

    def bound_inverse(self, curvature: float, penalty: float) -> Array:
        """Return the inverse of curvature * products + penalty, without a penalty of the bias."""
        bound = curvature * self.products
        bound[np.diag_indices(len(bound) - 1)] += penalty
        return np.linalg.inv(bound)


def minimize(loss: Loss, start: Array, inverse: Array, tolerance: float = 1e-8) -> Array:
    r"""Minimize a convex loss by L-BFGS (Nocedal 1980) from a good first Hessian.

    The Hessian of a logistic loss is at most :math:`X^\top X / 4`, that of a softmax at most
    :math:`X^\top X / 2` for each class (Böhning 1992). Instead of a multiple of the identity, the
    recursion starts from the inverse of this bound, with the penalty added. A step of length 1
    with this matrix alone would never increase the loss.

    Parameters
    ----------
    loss : callable
        ``loss(parameters) -> (loss, gradient)``.
    start : array (p, m)
    inverse : array (p, p)
        Inverse of the bound.
    tolerance : float
        The end is reached when :math:`\sqrt{g^\top B^{-1} g}`, the length of the gradient measured
        by the bound, is below this multiple of its value at 0, or of 1 if that is larger.

    Returns
    -------
    parameters : array (p, m)
    """
    point = start
    value, gradient = loss(point)
    steps: deque[tuple[Array, Array]] = deque(maxlen=MEMORY)
    goal = tolerance * max(1.0, _length(gradient, inverse))
    for _ in range(MAX_ITERATIONS):
        if _length(gradient, inverse) <= goal:
            return point
        direction = -_two_loops(gradient, steps, inverse)
        slope = float((gradient * direction).sum())
        size, new, new_value, new_gradient = 1.0, point, value, gradient
        while size > 1e-10:
            new = point + size * direction
            new_value, new_gradient = loss(new)
            if new_value <= value + 1e-4 * size * slope:
                break
            size /= 2
        else:  # the differences of the loss are below its rounding errors
            return point
        change = new_gradient - gradient
        if (change * (new - point)).sum() > 0:
            steps.append((new - point, change))
        point, value, gradient = new, new_value, new_gradient
    warnings.warn(
        f"a classifier did not converge in {MAX_ITERATIONS} iterations; a larger penalty helps",
        stacklevel=2,
    )
    return point


def _length(gradient: Array, inverse: Array) -> float:
    return float(np.sqrt(max(0.0, (gradient * (inverse @ gradient)).sum())))


def _two_loops(gradient: Array, steps: "deque[tuple[Array, Array]]", inverse: Array) -> Array:
    """Multiply the gradient by the approximate inverse Hessian (Nocedal 1980, section 2)."""
    q: Any = gradient
    factors = []
    for step, change in reversed(steps):
        factor = (step * q).sum() / (step * change).sum()
        factors.append(factor)
        q = q - factor * change
    r: Array = inverse @ q
    for (step, change), factor in zip(steps, reversed(factors), strict=True):
        r = r + step * (factor - (change * r).sum() / (step * change).sum())
    return r
