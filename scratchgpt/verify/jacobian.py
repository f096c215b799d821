"""Whole Jacobians for small functions, and a gradient check like PyTorch's."""

from collections.abc import Callable
from typing import Any

import numpy as np

from scratchgpt.backend import Array, random_stream
from scratchgpt.verify.contract import check_contract
from scratchgpt.verify.inputs import Inputs, coarsest, function_name
from scratchgpt.verify.problem import Backward, Forward, Problem, as_tuple
from scratchgpt.verify.report import VerificationError
from scratchgpt.verify.slopes import (
    TINY,
    difference,
    hint_at_central,
    imaginary_parts,
    outputs_of,
    wide,
)


def numerical_jacobian(
    func: Callable[[Array], Array], x: Array, method: str = "complex", *, eps: float = 1e-6
) -> Array:
    r"""Compute all partial derivatives :math:`J_{ij} = \partial y_i / \partial x_j` numerically.

    Parameters
    ----------
    func : callable
        Takes an array and returns an array.
    x : float array
        Integers are converted to float64.
    method : {"complex", "central"}
        The complex step, which is exact, or central differences.
    eps : float
        Step size of the central differences.

    Returns
    -------
    jacobian : array (*y.shape, *x.shape)

    Raises
    ------
    ValueError
        If the method is unknown, or a step of ``eps`` is lost in the rounding of ``x``.
    TypeError
        If x is not an array of real numbers, func does not return an array, or the method requires
        complex numbers and func does not accept them.

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
    x = np.asarray(x)
    if x.dtype.kind in "iu":
        x = x.astype(np.float64)
    if x.dtype.kind not in "fc":  # complex numbers are refused like those of the other checks
        raise TypeError(f"x is {x.dtype}; pass an array of real numbers")

    def forward(x: Array) -> tuple[Any, None]:
        y = func(x)
        if isinstance(y, tuple | list):
            raise TypeError(f"{function_name(func)} returned a {type(y).__name__}, not an array")
        return y, None

    forward.__qualname__ = function_name(func)
    not_called: Any = None
    problem = Problem(forward, not_called, {"x": x}, None, seed=0)
    (jacobian,) = _jacobians(problem, 0, method, eps)
    return jacobian


def gradcheck(
    func_pair: tuple[Forward, Backward],
    inputs: Inputs,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
) -> bool:
    r"""Compare Jacobians with central differences, like ``torch.autograd.gradcheck``.

    The check passes if :math:`|a - n| \le atol + rtol\,|n|` for every element, and if the functions
    have no side effects. :func:`check_vjp` is faster and a million times stricter.

    Parameters
    ----------
    func_pair : (forward, backward)
        As in :func:`check_vjp`.
    inputs : dict or sequence of arrays
        As in :func:`check_vjp`, in float64.
    eps, atol, rtol : float

    Returns
    -------
    True

    Raises
    ------
    VerificationError
        If an element differs, or the functions have side effects or return gradients of a wrong
        shape or dtype. The message names the input, the element and both values.
    ValueError
        If a step of ``eps`` is lost in the rounding of an input.
    TypeError
        If the functions violate the contract of :func:`check_vjp`.
    """
    forward, backward = func_pair
    problem = Problem(forward, backward, inputs, None, seed=0)
    _, _, violations = check_contract(problem)
    if violations:
        raise VerificationError(f"gradcheck: {'; '.join(violations)}")
    analytical = _analytical_jacobians(problem)
    for i, jacobians in zip(problem.floating, analytical, strict=True):
        numericals = _jacobians(problem, i, "central", eps)
        for k, (jacobian, numerical) in enumerate(zip(jacobians, numericals, strict=True)):
            wrong = ~(np.abs(jacobian - numerical) <= atol + rtol * np.abs(numerical))
            if wrong.any():
                index = tuple(int(j) for j in np.argwhere(wrong)[0])
                n = jacobian.ndim - problem.values[i].ndim
                output = "output" if len(jacobians) == 1 else f"output {k}"
                raise VerificationError(
                    f"gradcheck: d {output}{list(index[:n])} / "
                    f"d {problem.names[i]}{list(index[n:])}: "
                    f"backward says {jacobian[index]:.10g}, central differences say "
                    f"{numerical[index]:.10g} ({int(wrong.sum())} of {wrong.size} elements are "
                    "wrong)"
                )
    return True


def _jacobians(problem: Problem, position: int, method: str, eps: float) -> list[Array]:
    """Differentiate each output numerically in all elements of one input."""
    y = as_tuple(problem.run(problem.values)[0])
    x = problem.values[position]
    column = _complex_step if method == "complex" else _central_difference
    if method == "central":
        _check_step(problem.names[position], x, y, eps)
    jacobians = [np.zeros((*np.shape(part), x.size)) for part in y]
    for j, index in enumerate(np.ndindex(x.shape)):
        for jacobian, slopes in zip(jacobians, column(problem, position, index, eps), strict=True):
            if slopes is not None:
                jacobian[..., j] = slopes
    return [jacobian.reshape((*jacobian.shape[:-1], *x.shape)) for jacobian in jacobians]


def _complex_step(problem: Problem, position: int, index: tuple[int, ...], eps: float) -> list[Any]:
    values = list(problem.values)
    values[position] = values[position].astype(np.complex128)
    values[position].imag[index] = TINY
    with hint_at_central("complex"):
        y, _ = problem.run(values)
    return [part / TINY for part in as_tuple(imaginary_parts(y, y))]


def _central_difference(
    problem: Problem, position: int, index: tuple[int, ...], eps: float
) -> list[Any]:
    x = problem.values[position]
    ahead, behind = x.copy(), x.copy()
    ahead[index] += eps
    behind[index] -= eps
    width = wide(ahead)[index] - wide(behind)[index]
    if width == 0:
        raise ValueError(
            f"a step of eps={eps} does not change {problem.names[position]}{list(index)}="
            f"{x[index]:g}; choose a larger eps"
        )
    y_ahead, y_behind = (
        outputs_of(problem, [*problem.values[:position], moved, *problem.values[position + 1 :]])
        for moved in (ahead, behind)
    )
    rises = difference(y_ahead, y_behind)
    return [None if rise is None else rise / width for rise in rises]


def _check_step(name: str, x: Array, y: tuple[Any, ...], eps: float) -> None:
    """Raise ValueError if a step is too small for the precision of x and of the outputs."""
    if not eps > 0:
        raise ValueError(f"eps={eps} must be greater than 0")
    outputs = [np.asarray(part) for part in y]
    dtype = coarsest([x, *(part for part in outputs if part.dtype.kind == "f")])
    resolution = float(np.finfo(dtype).eps)
    if eps < resolution**0.5:
        where = name if x.dtype == dtype else "the output"
        raise ValueError(
            f"{where} is {dtype}, which cannot be checked so finely: a step of eps={eps} is lost "
            f"in rounding; use float64, or choose eps={resolution ** (1 / 3):.0e} or more"
        )


def _analytical_jacobians(problem: Problem) -> list[list[Array]]:
    """Compute the Jacobians with the backward, one row per element of the outputs."""
    y, saved = problem.run(problem.values)
    parts = as_tuple(y)
    zeros = [None if dy is None else np.zeros_like(dy) for dy in as_tuple(problem.upstream(y))]
    rng = random_stream(problem.seed, "rows")
    jacobians = [
        [np.zeros((*np.shape(part), *problem.values[i].shape)) for part in parts]
        for i in problem.floating
    ]
    for k, zero in enumerate(zeros):
        if zero is None:
            continue
        for index in np.ndindex(zero.shape):
            if np.isinf(np.asarray(parts[k])[index]):  # infinite elements have no slope
                continue
            # A backward that ignores dy would be right for an upstream gradient of 1.
            size = rng.uniform(0.5, 2) * rng.choice([-1, 1])
            row = zero.copy()
            row[index] = size
            dy = [*zeros[:k], row if isinstance(parts[k], np.ndarray) else row[()], *zeros[k + 1 :]]
            gradients = problem.pull(tuple(dy) if isinstance(y, tuple | list) else dy[0], saved)
            for i, gradient in enumerate(gradients):
                jacobians[i][k][index] = np.asarray(gradient) / row[index]
    return jacobians
