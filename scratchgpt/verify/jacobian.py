"""Whole Jacobians for small functions, and a gradient check like PyTorch's."""

from collections.abc import Callable
from typing import Any

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.verify.problem import Backward, Forward, Inputs, Problem
from scratchgpt.verify.report import VerificationError
from scratchgpt.verify.slopes import TINY


def numerical_jacobian(
    func: Callable[[Array], Array], x: Array, method: str = "complex", *, eps: float = 1e-6
) -> Array:
    r"""Compute all partial derivatives :math:`J_{ij} = \partial y_i / \partial x_j` numerically.

    Parameters
    ----------
    func : callable
        Takes an array and returns an array.
    x : float array
    method : {"complex", "central"}
        The complex step, which is exact, or central differences.
    eps : float
        Step size of the central differences.

    Returns
    -------
    jacobian : array (*y.shape, *x.shape)

    Examples
    --------
    >>> import numpy as np
    >>> from scratchgpt.verify import numerical_jacobian
    >>> numerical_jacobian(lambda x: x**2, np.array([1.0, 3.0]))
    array([[2., 0.],
           [0., 6.]])
    """
    if method not in ("complex", "central"):
        raise ValueError(f"method must be 'complex' or 'central', got {method!r}")
    columns = []
    for index in np.ndindex(x.shape):
        if method == "complex":
            moved = x.astype(np.complex128)
            moved[index] += TINY * 1j
            y = np.asarray(func(moved))
            if y.dtype.kind != "c":
                raise TypeError(
                    "func returned real outputs for complex inputs; use method='central'"
                )
            columns.append(y.imag / TINY)
        else:
            ahead, behind = x.copy(), x.copy()
            ahead[index] += eps
            behind[index] -= eps
            width = float(ahead[index]) - float(behind[index])
            rise = np.array(func(ahead), np.float64) - np.asarray(func(behind))
            columns.append(rise / width)
    y_shape = columns[0].shape if columns else np.shape(func(x))
    return np.array(columns).reshape(x.size, -1).T.reshape(*y_shape, *x.shape)


def gradcheck(
    func_pair: tuple[Forward, Backward],
    inputs: Inputs,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
) -> bool:
    r"""Compare Jacobians with central differences, like ``torch.autograd.gradcheck``.

    The check passes if :math:`|a - n| \le atol + rtol\,|n|` for every element.
    :func:`check_vjp` is faster and a million times stricter.

    Parameters
    ----------
    func_pair : (forward, backward)
    inputs : dict or sequence of arrays
        Arrays in float64; the function must return a single array.
    eps, atol, rtol : float

    Returns
    -------
    True

    Raises
    ------
    VerificationError
        If an element differs. The message names the input, the element and both values.
    """
    forward, backward = func_pair
    problem = Problem(forward, backward, inputs, None, seed=0)
    y, saved = problem.run(problem.values)
    analytical = _analytical_jacobians(problem, y, saved)
    for i, jacobian in zip(problem.floating, analytical, strict=True):

        def output(x: Array, position: int = i) -> Array:
            values = list(problem.values)
            values[position] = x
            return np.array(problem.run(values)[0])

        numerical = numerical_jacobian(output, problem.values[i], "central", eps=eps)
        wrong = ~(np.abs(jacobian - numerical) <= atol + rtol * np.abs(numerical))
        if wrong.any():
            index = tuple(int(j) for j in np.argwhere(wrong)[0])
            n = np.ndim(y)
            raise VerificationError(
                f"gradcheck: d output{list(index[:n])} / d {problem.names[i]}{list(index[n:])}: "
                f"backward says {jacobian[index]:.10g}, central differences say "
                f"{numerical[index]:.10g} ({int(wrong.sum())} of {wrong.size} elements are wrong)"
            )
    return True


def _analytical_jacobians(problem: Problem, y: Any, saved: Any) -> list[Array]:
    """Compute the Jacobians with the backward, one row per element of the output."""
    shape = np.shape(y)
    rows: list[list[Array]] = [[] for _ in problem.floating]
    for index in np.ndindex(shape):
        dy = np.zeros(shape, np.asarray(y).dtype)
        dy[index] = 1
        gradients = problem.pull(dy if isinstance(y, np.ndarray) else dy[()], saved)
        for row, gradient in zip(rows, gradients, strict=True):
            row.append(np.array(gradient))
    return [
        np.array(row).reshape(*shape, *problem.values[i].shape)
        for row, i in zip(rows, problem.floating, strict=True)
    ]
