"""Comparison of the gradients of a backward pass with numerical derivatives of its forward."""

from dataclasses import replace
from typing import Any

import numpy as np

from scratchgpt.backend import Array, random_stream
from scratchgpt.verify.kinks import KinkFinder
from scratchgpt.verify.problem import Problem, as_tuple
from scratchgpt.verify.report import InputReport
from scratchgpt.verify.slopes import CentralDifferences, ComplexStep, Direction, Slopes

FLOOR = 0.01
# Gradients smaller than this fraction of the upstream gradient are rounding errors: where GELU is
# flat, 1 - tanh² is 0 in floating point, but 1e-25 in mathematics.
UPSTREAM_FLOOR = 0.01
ROUGHLY_RIGHT = 1e-5  # finite differences can tell larger relative errors from rounding
KINK_NOTE = "the function has a kink at this point; method='complex' or 'central' finds it"


def relative_error(backward: Any, numerical: Any, scale: float) -> Any:
    r"""Compute errors relative to the size of each element, or to one hundredth of the largest.

    .. math:: e_i = \frac{|g_i - n_i|}{\max(|g_i|,\ |n_i|,\ 0.01\,s)}

    where s is the largest absolute value in the array (``scale``), but at least one hundredth of
    the largest absolute value of the upstream gradient. If errors were relative only to the
    element's own size, rounding would look like an error wherever a gradient is nearly 0. If they
    were relative only to the largest element, a wrong small element could hide. So an element that
    is a million times smaller than the largest may have a relative error of at most 1e-8 at a
    tolerance of 1e-12. NaN counts as an infinite error.
    """
    size = np.maximum(np.maximum(np.abs(backward), np.abs(numerical)), FLOOR * scale)
    with np.errstate(invalid="ignore"):  # infinity - infinity, infinity / infinity
        gap = np.abs(np.subtract(backward, numerical))
        error = np.divide(gap, size, out=np.zeros(np.shape(gap)), where=(size != 0) | np.isnan(gap))
    return np.where(np.isnan(error), np.inf, error)


class Comparison:
    """Compares the gradients of one problem, for any method of numerical differentiation."""

    def __init__(
        self,
        problem: Problem,
        dy: Any,
        gradients: dict[int, Array],
        tolerance: float,
        max_elements: int,
        n_directions: int,
    ) -> None:
        self._problem, self._dy, self._gradients = problem, dy, gradients
        self._tolerance, self._max_elements = tolerance, max_elements
        self._n_directions = n_directions

    def by_element(self, method: str) -> list[InputReport]:
        slopes: Slopes
        if method == "complex":
            slopes = ComplexStep(self._problem, self._dy)
        else:
            slopes = CentralDifferences(self._problem, self._dy)
        finder = KinkFinder(self._problem, self._dy)
        rows = []
        for position, gradient in self._gradients.items():
            kinks = finder.find(position, gradient)
            skip = {kink.index for kink in kinks}
            if method == "central":  # differences are not defined at infinity
                infinite = np.argwhere(~np.isfinite(self._problem.values[position]))
                skip |= {tuple(int(i) for i in index) for index in infinite}
            row = self._compare(slopes, position, gradient, skip)
            row = replace(row, kinks=tuple(kinks))
            if not row.error <= self._tolerance:
                row = replace(row, note=self._diagnosis(method, position, row))
            rows.append(row)
        return rows

    def along_directions(self, joint: bool) -> list[InputReport]:
        slopes = ComplexStep(self._problem, self._dy)
        positions = list(self._gradients)
        groups = {"all inputs": positions}
        if not joint:
            groups = {self._problem.names[i]: [i] for i in positions}
        rows = [self._directions(slopes, name, group, 1) for name, group in groups.items()]
        if any(row.error > self._tolerance for row in rows) and self._has_kink(positions):
            rows = [replace(row, note=KINK_NOTE) for row in rows]
        return rows

    def _compare(
        self, slopes: Slopes, position: int, gradient: Array, skip: set[tuple[int, ...]]
    ) -> InputReport:
        """Compare elements of one input, and random directions if not all elements were tested."""
        chosen = [i for i in self._choose(position, gradient.shape) if i not in skip]
        found = [slopes.element(position, index) for index in chosen]
        numerical = np.array([slope for slope, _ in found])
        tested = np.array([gradient[index] for index in chosen], np.float64)
        scale = max(_largest(gradient), _largest(numerical), UPSTREAM_FLOOR * self._dy_size())
        errors = relative_error(tested, numerical, scale)

        row = self._nothing_wrong(self._problem.names[position], gradient.shape, len(chosen))
        if chosen:
            worst = int(np.argmax(errors))
            row = replace(
                row,
                error=float(errors[worst]),
                index=chosen[worst],
                backward=float(tested[worst]),
                numerical=float(numerical[worst]),
                step=found[worst][1],
            )
        if len(chosen) + len(skip) < gradient.size:
            smooth = np.ones(gradient.shape)
            for index in skip:
                smooth[index] = 0
            along = self._directions(slopes, row.name, [position], smooth)
            worse = along if along.error > row.error else row
            row = replace(worse, n_elements=len(chosen), n_directions=self._n_directions)
        return row

    def _directions(
        self, slopes: Slopes, name: str, positions: list[int], allowed: Any
    ) -> InputReport:
        """Compare along random directions through some inputs, and return the worst."""
        shape = self._gradients[positions[0]].shape if len(positions) == 1 else ()
        worst = replace(self._nothing_wrong(name, shape, 0), n_directions=self._n_directions)
        squares = sum(float(np.vdot(self._gradients[i], self._gradients[i])) for i in positions)
        for k in range(self._n_directions):
            direction = self._random_direction(k, allowed)
            expected = sum(float(np.vdot(self._gradients[i], direction(i))) for i in positions)
            slope, step = slopes.along(positions, direction)
            # For normal directions, ⟨g, v⟩ is on average as large as the norm of g. The norm is
            # the scale, so that rounding is not an error if ⟨g, v⟩ happens to be small.
            rounding = FLOOR * UPSTREAM_FLOOR * self._dy_size()
            size = max(abs(expected), abs(slope), squares**0.5, rounding)
            error = abs(expected - slope) / size if size else 0.0
            if k == 0 or not error <= worst.error:
                error = float("inf") if np.isnan(error) else error
                worst = replace(worst, error=error, backward=expected, numerical=slope, step=step)
        return worst

    def _dy_size(self) -> float:
        """Return the largest absolute value of the upstream gradient, over all outputs."""
        return max(_largest(dy) for dy in as_tuple(self._dy) if dy is not None)

    def _nothing_wrong(self, name: str, shape: tuple[int, ...], n_elements: int) -> InputReport:
        return InputReport(name, shape, n_elements, 0, 0.0, None, 0.0, 0.0, 0.0, self._tolerance)

    def _random_direction(self, k: int, allowed: Any) -> Direction:
        def direction(position: int) -> Array:
            rng = random_stream(self._problem.seed, "direction", position, k)
            return rng.standard_normal(self._gradients[position].shape) * allowed

        return direction

    def _choose(self, position: int, shape: tuple[int, ...]) -> list[tuple[int, ...]]:
        """Choose the elements to test: all, or a random sample that the seed determines."""
        n = int(np.prod(shape))
        flat = np.arange(n)
        if n > self._max_elements:
            rng = random_stream(self._problem.seed, "elements", position)
            flat = np.sort(rng.choice(n, self._max_elements, replace=False))
        return [tuple(int(i) for i in np.unravel_index(j, shape)) for j in flat]

    def _has_kink(self, positions: list[int]) -> bool:
        finder = KinkFinder(self._problem, self._dy)
        return any(finder.find(i, self._gradients[i]) for i in positions)

    def _diagnosis(self, method: str, position: int, row: InputReport) -> str:
        """Explain an error if not the backward, but the method or the forward may cause it."""
        if row.index is None:
            return ""
        for who, value in (("backward", row.backward), ("forward", row.numerical)):
            if not np.isfinite(value):
                return f"the {who} is not finite here"
        differences = CentralDifferences(self._problem, self._dy)
        if method == "central":
            noise = differences.noise(position, row.index)
            if abs(row.backward - row.numerical) > noise:
                return ""
            return (
                f"{self._problem.dtype} cannot be checked so finely: rounding changes the central "
                f"differences by up to {noise:.1g}; pass float64 arrays or a larger tolerance"
            )
        central, _ = differences.element(position, row.index)
        scale = max(abs(central), abs(row.backward), FLOOR * _largest(self._gradients[position]))
        if row.error < ROUGHLY_RIGHT or abs(central - row.backward) > ROUGHLY_RIGHT * scale:
            return ""
        return (
            "central differences agree with the backward: the forward is not analytic (does it "
            "take abs, a conjugate, or compare complex numbers?); use method='central'"
        )


def _largest(x: Any) -> float:
    """Return the largest absolute value; 0 for an empty array."""
    return float(np.max(np.abs(x), initial=0.0))
