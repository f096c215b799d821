"""Check of a backward against its forward."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from scratchgpt.arguments import check_whole
from scratchgpt.threads import one_pool
from scratchgpt.verify.comparison import Comparison
from scratchgpt.verify.contract import check_contract
from scratchgpt.verify.inputs import Inputs
from scratchgpt.verify.problem import Backward, Forward, Problem
from scratchgpt.verify.report import Report
from scratchgpt.verify.slopes import hint_at_central

# Largest relative errors of a correct backward: in float64, in float32.
TOLERANCES = {"complex": (1e-12, 1e-12), "adjoint": (1e-10, 1e-10), "central": (1e-6, 2e-2)}


def check_vjp(
    forward: Forward,
    backward: Backward,
    inputs: Inputs,
    *,
    settings: Mapping[str, Any] | None = None,
    method: str = "complex",
    seed: int = 0,
    tolerance: float | None = None,
    max_elements: int = 1000,
    n_directions: int = 2,
    joint: bool = False,
) -> Report:
    r"""Check a backward pass (a vector-Jacobian product) against its forward pass.

    It samples a random upstream gradient dy, and compares ``backward(dy, saved)`` with derivatives
    of :math:`\langle dy, y \rangle`, computed from the forward alone by one of these methods:

    ``"complex"``
        Complex step, exact to the last bits. The forward must be analytic and accept complex128.
    ``"central"``
        Central differences with a sweep of steps, for functions that accept only real numbers.
    ``"adjoint"``
        The identity :math:`\langle dy, Jv \rangle = \langle J^\top dy, v \rangle` for random
        directions v. A complex step computes Jv, so a few forward passes suffice for any size.

    The first two methods compare up to ``max_elements`` elements of each input individually. If
    there are more elements, they also compare along ``n_directions`` random directions, which
    detect an error in any single element, tested or not.

    The check also requires that inputs, settings, dy and saved are unchanged, bit for bit, that
    the forward is reproducible, that a second call of the backward returns the same gradients, that
    a later call does not overwrite earlier results, and that gradients have the shapes and dtypes
    of their inputs. Kinks of the function (relu at 0) are
    detected, reported, and compared with the slopes on both sides.

    Parameters
    ----------
    forward : callable
        ``forward(*inputs, **settings) -> (y, saved)``; y is an array, a scalar or a tuple of them.
    backward : callable
        ``backward(dy, saved) -> gradients``: one gradient, or a tuple in the order of the forward's
        parameters or of those that are floating point. If y is a tuple, dy is a tuple, with None
        for outputs that are not floating point.
    inputs : dict of str to array, or sequence of arrays
        A dict is bound to the parameters of the forward by name; if no name is that of a
        parameter, the names are labels. Floating-point arrays and numbers are differentiated; a
        number becomes an array without axes. Other inputs (integers, booleans, None) are passed
        unchanged.
    settings : dict, optional
        Keyword arguments of the forward, which are not differentiated.
    method : {"complex", "central", "adjoint"}
    seed : int
        Random seed of the upstream gradient, the tested elements and the directions.
    tolerance : float, optional
        Largest relative error that passes; see :func:`relative_error`. By default 1e-12 for
        ``"complex"``, 1e-10 for ``"adjoint"``, 1e-6 for ``"central"`` (2e-2 in float32).
    max_elements : int
        Maximum number of elements of each input that are compared individually.
    n_directions : int
    joint : bool
        For ``"adjoint"``: use directions through all inputs together, not through each input.

    Returns
    -------
    report : Report
        Print it, or call ``report.raise_if_failed()``.

    Raises
    ------
    TypeError
        If the functions violate the contract, the inputs cannot be bound, or the method requires
        complex numbers or float64 and the functions do not accept them.
    ValueError
        If the method is unknown, a number is out of range, or no input can be differentiated.

    Notes
    -----
    With ``"complex"`` and ``"adjoint"``, float32 inputs are compared in float64; shapes and dtypes
    of the gradients are checked in float32.

    References
    ----------
    W. Squire and G. Trapp, "Using complex variables to estimate derivatives of real functions",
    SIAM Review 40 (1998) 110-112.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchgpt.verify import check_vjp
    >>> def square_forward(x):
    ...     return x * x, x
    >>> def square_backward(dy, x):
    ...     return 2 * x * dy
    >>> report = check_vjp(square_forward, square_backward, {"x": np.arange(1.0, 4.0)})
    >>> report.passed, report["x"].n_elements
    (True, 3)
    >>> check_vjp(square_forward, lambda dy, x: x * dy, [np.ones(3)]).passed
    False
    """
    problem = Problem(forward, backward, inputs, settings, seed)
    return check(
        problem,
        method=method,
        tolerance=tolerance,
        max_elements=max_elements,
        n_directions=n_directions,
        joint=joint,
    )


def check(
    problem: Problem,
    *,
    method: str,
    tolerance: float | None = None,
    max_elements: int = 1000,
    n_directions: int = 2,
    joint: bool = False,
) -> Report:
    """Check a problem; the arguments are those of :func:`check_vjp`."""
    if method not in TOLERANCES:
        raise ValueError(f"method must be one of {', '.join(TOLERANCES)}, got {method!r}")
    max_elements = check_whole("max_elements", max_elements, least=0)
    n_directions = check_whole("n_directions", n_directions, least=1)
    with one_pool():  # complex steps go to BLAS, and alternate with kernels
        dy, gradients, violations = check_contract(problem)
        if method != "central" and problem.in_float64() is not problem:
            problem = problem.in_float64()
            with hint_at_central("float64"):
                y, saved = problem.run(problem.values)
                dy = problem.upstream(y)
                gradients = problem.pull(dy, saved)
        if tolerance is None:
            is_coarse = bool(np.finfo(problem.dtype).eps > np.finfo(np.float64).eps)
            tolerance = TOLERANCES[method][is_coarse]

        comparable = {
            i: np.asarray(gradient)
            for i, gradient in zip(problem.floating, gradients, strict=True)
            if np.shape(gradient) == problem.values[i].shape
            and np.asarray(gradient).dtype.kind in "fiu"
        }
        comparison = Comparison(problem, dy, comparable, tolerance, max_elements, n_directions)
        if method == "adjoint":
            rows = comparison.along_directions(joint)
        else:
            rows = comparison.by_element(method)
    return Report(problem.title, method, problem.seed, tuple(rows), tuple(violations))
