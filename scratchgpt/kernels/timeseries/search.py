"""Minimization of the negative log-likelihood from several starting points, in one call.

The method is BFGS with bounds: elements at a bound whose gradient points outward are held fixed.
"""

from typing import Any

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.kernels.compiler.jit import part, serial
from scratchgpt.kernels.timeseries.objective import Problem, evaluate

CONVERGED, TOO_LONG, NO_LOWER_POINT = 0, 1, 2
DECREASE, CURVATURE = 1e-4, 0.9  # the Wolfe conditions
ROUNDING = 1e-11  # relative errors of the value, near the edge of stationarity
LONGEST = 2.0  # the largest change of an element per iteration; tanh is flat further away
MOST_TRIALS, SHORTEST = 30, 1e-14  # of a line search


@part
def _slope(z, gradient, edge, free):
    """Write which elements are free to move, and return their largest gradient."""
    largest = 0.0
    for i in range(len(z)):
        free[i] = not (abs(z[i]) >= edge[i] and gradient[i] * z[i] < 0.0)
        if free[i]:
            largest = max(largest, abs(gradient[i]))
    return largest


@part
def _update(H, step, change, is_first):
    """Update the inverse Hessian H by the BFGS formula."""
    n = len(step)
    along, size = 0.0, 0.0
    for i in range(n):
        along += step[i] * change[i]
        size += change[i] * change[i]
    if not along > 1e-12 * size:
        return
    if is_first:
        for i in range(n):
            for j in range(n):
                H[i, j] = along / size if i == j else 0.0
    product = np.zeros(n)
    for i in range(n):
        for j in range(n):
            product[i] += H[i, j] * change[j]
    curvature = 0.0
    for i in range(n):
        curvature += change[i] * product[i]
    for i in range(n):
        for j in range(n):
            H[i, j] += (1.0 + curvature / along) * step[i] * step[j] / along
            H[i, j] -= (product[i] * step[j] + step[i] * product[j]) / along


@part
def _between(low, value_low, slope_low, high, value_high):
    """Return the minimum of the parabola through two points, inside of the interval."""
    width = high - low
    if value_high < np.inf:
        curvature = 2.0 * (value_high - value_low - slope_low * width) / (width * width)
        if curvature > 0.0:
            return low + min(max(-slope_low / curvature, 0.1 * width), 0.7 * width)
        return low + 0.5 * width
    return low + 0.2 * width


@part
def _direct(z, gradient, edge, free, H, direction):
    """Write the direction of the search, and return its slope, its largest element and its end.

    An element at a bound whose direction points outward is held fixed, too.
    """
    is_inside = False
    while not is_inside:
        is_inside = True
        for i in range(len(z)):
            direction[i] = 0.0
            if free[i]:
                for j in range(len(z)):
                    if free[j]:
                        direction[i] -= H[i, j] * gradient[j]
        for i in range(len(z)):
            if free[i] and abs(z[i]) >= edge[i] and direction[i] * z[i] > 0.0:
                free[i], is_inside = False, False
    slope, longest, to_edge = 0.0, 0.0, np.inf
    for i in range(len(z)):
        slope += direction[i] * gradient[i]
        longest = max(longest, abs(direction[i]))
        if direction[i] > 0.0:
            to_edge = min(to_edge, (edge[i] - z[i]) / direction[i])
        elif direction[i] < 0.0:
            to_edge = min(to_edge, (edge[i] + z[i]) / -direction[i])
    return slope, longest, min(to_edge, LONGEST / longest)


@part
def _reset(H):
    for i in range(len(H)):
        for j in range(len(H)):
            H[i, j] = 1.0 if i == j else 0.0


@serial
def _minimize(problem, start, edge, max_iterations, slope_wanted):
    """Minimize from a start; the results are those of :func:`minimize_from`."""
    n = len(start)
    z, gradient, trial, trial_gradient = start.copy(), np.empty(n), start.copy(), np.empty(n)
    free, H, direction = np.ones(n, np.bool_), np.empty((n, n)), np.zeros(n)
    _reset(H)
    value, sigma2, n_iterations, n_evaluations = np.inf, np.nan, -1, 0
    step, slope, longest, farthest, is_new, n_trials = 0.0, 0.0, 0.0, 0.0, True, 0
    low, value_low, slope_low, high, value_high = 0.0, 0.0, 0.0, np.inf, np.inf
    while True:
        for i in range(n):
            trial[i] = min(max(z[i] + step * direction[i], -edge[i]), edge[i])
        trial_value, trial_sigma2 = evaluate(trial, problem, trial_gradient)
        n_evaluations += 1
        n_trials += 1
        found, failed = n_iterations < 0, n_iterations < 0 and not trial_value < np.inf
        if not found:
            trial_slope = 0.0
            for i in range(n):
                trial_slope += direction[i] * trial_gradient[i]
            allowed = value + ROUNDING * abs(value) + DECREASE * step * slope
            if not trial_value <= allowed:
                high, value_high = step, trial_value
                step = _between(low, value_low, slope_low, high, value_high)
            elif trial_slope >= CURVATURE * slope or step >= farthest:
                found = True
            else:
                low, value_low, slope_low = step, trial_value, trial_slope
                if high < np.inf:
                    step = _between(low, value_low, slope_low, high, value_high)
                else:
                    step = min(3.0 * step, farthest)
            if not found:
                if n_trials < MOST_TRIALS and step * longest > SHORTEST:
                    continue
                failed = is_new
                _reset(H)
                is_new = True
        if failed:
            return z, gradient, value, sigma2, NO_LOWER_POINT, n_iterations, n_evaluations

        if found:
            if n_iterations >= 0:
                for i in range(n):  # H is updated in the space of the elements that are free
                    direction[i] = trial[i] - z[i]
                    gradient[i] = trial_gradient[i] - gradient[i] if free[i] else 0.0
                _update(H, direction, gradient, is_new)
                is_new = False
            for i in range(n):
                z[i], gradient[i] = trial[i], trial_gradient[i]
            value, sigma2 = trial_value, trial_sigma2
            n_iterations += 1
        largest = _slope(z, gradient, edge, free)
        if largest < slope_wanted:
            return z, gradient, value, sigma2, CONVERGED, n_iterations, n_evaluations
        if n_iterations >= max_iterations:
            return z, gradient, value, sigma2, TOO_LONG, n_iterations, n_evaluations
        slope, longest, farthest = _direct(z, gradient, edge, free, H, direction)
        if not slope < 0.0 and not is_new:
            _reset(H)
            is_new = True
            largest = _slope(z, gradient, edge, free)
            slope, longest, farthest = _direct(z, gradient, edge, free, H, direction)
        step = min(1.0, farthest)
        if is_new:
            step = min(step, 1.0 / longest)
        low, value_low, slope_low, high, value_high = 0.0, value, slope, np.inf, np.inf
        n_trials = 0


def minimize_from(
    problem: Problem, start: Array, edge: Array, max_iterations: int, slope_wanted: float
) -> tuple[Any, ...]:
    """Minimize from a starting point.

    Parameters
    ----------
    problem : Problem
    start : (size,)
    edge : (size,)
        The largest absolute value of each element.
    max_iterations : int
    slope_wanted : float
        The largest gradient at which the search stops.

    Returns
    -------
    z, gradient : (size,)
    value, sigma2 : float
        sigma2 is the noise variance that maximizes the likelihood at z.
    status, n_iterations, n_evaluations : int
    """
    return _minimize(problem, start, edge, max_iterations, slope_wanted)
