"""The check itself: does this backward belong to that forward?"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from scratchgpt.threads import one_pool
from scratchgpt.verify.comparison import Comparison
from scratchgpt.verify.contract import check_contract
from scratchgpt.verify.problem import Backward, Forward, Inputs, Problem
from scratchgpt.verify.report import Report

# Relative errors that a right backward stays below: in float64, in float32.
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

    A random upstream gradient dy is drawn and ``backward(dy, saved)`` compared with the
    derivatives of :math:`\langle dy, y \rangle`, taken from the forward alone:

    ``"complex"``
        by complex step, exact to the last bits. The forward must be analytic and take complex128.
    ``"central"``
        by central differences with a sweep of steps, for functions that take real numbers only.
    ``"adjoint"``
        by the identity :math:`\langle dy, Jv \rangle = \langle J^\top dy, v \rangle` for random
        directions v, with Jv from one complex step: a few forward passes whatever the size.

    The first two compare element by element, up to ``max_elements`` of each input, and also along
    ``n_directions`` random directions if there are more elements than that. An error in a single
    element, tested or not, shows along a direction.

    On the way it checks that inputs, settings, dy and saved are left as they were, bit for bit,
    that the forward repeats, that the backward called twice gives the same twice, and that
    gradients have the shapes and dtypes of their inputs. Elements at a kink of the function (relu
    at 0) are found, reported, and compared with the slopes on both sides.

    Parameters
    ----------
    forward : callable
        ``forward(*inputs, **settings) -> (y, saved)``; y is an array, a scalar or a tuple of them.
    backward : callable
        ``backward(dy, saved) -> gradients``: one, or a tuple in the order of the inputs, or in
        the order of the floating inputs. Where y is a tuple dy is one, with None for outputs that
        are not floating.
    inputs : dict of str to array, or sequence of arrays
        Floating arrays are differentiated; whatever else there is (integers, booleans, None) is
        passed on.
    settings : dict, optional
        Further arguments, by name; none is differentiated.
    method : {"complex", "central", "adjoint"}
    seed : int
        Decides the upstream gradient, the choice of elements and the directions.
    tolerance : float, optional
        Largest relative error that passes, see :func:`relative_error`. By default 1e-12 for
        ``"complex"``, 1e-10 for ``"adjoint"``, 1e-6 for ``"central"`` (2e-2 in float32).
    max_elements : int
        How many elements of each input are compared one by one.
    n_directions : int
    joint : bool
        For ``"adjoint"``: directions through all inputs at once, instead of some for each.

    Returns
    -------
    report : Report
        Print it, or call ``report.raise_if_failed()``.

    Raises
    ------
    TypeError
        If the functions do not keep to the contract, or cannot take complex numbers and the method
        asks for them.
    ValueError
        If the method is unknown or nothing is there to differentiate.

    Notes
    -----
    With ``"complex"`` and ``"adjoint"`` float32 inputs are compared in float64; shapes and dtypes
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
    if method not in TOLERANCES:
        raise ValueError(f"method must be one of {', '.join(TOLERANCES)}, got {method!r}")
    problem = Problem(forward, backward, inputs, settings, seed)
    with one_pool():  # complex steps go to BLAS, and alternate with kernels
        dy, gradients, violations = check_contract(problem)
        if method != "central" and problem.in_float64() is not problem:
            problem = problem.in_float64()
            y, saved = problem.run(problem.values)
            dy = problem.upstream(y)
            gradients = problem.pull(dy, saved)
        if tolerance is None:
            tolerance = TOLERANCES[method][problem.dtype != np.float64]

        comparable = {
            i: np.asarray(gradient)
            for i, gradient in zip(problem.floating, gradients, strict=True)
            if gradient is not None and np.shape(gradient) == problem.values[i].shape
        }
        check = Comparison(problem, dy, comparable, tolerance, max_elements, n_directions)
        rows = check.along_directions(joint) if method == "adjoint" else check.by_element(method)
    return Report(problem.title, method, seed, tuple(rows), tuple(violations))
