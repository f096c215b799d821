r"""Numerical derivatives from the forward alone: complex step and central differences.

Both compute the slope of the scalar :math:`\langle dy, y \rangle` in one element of one input, and
along a direction through several inputs.
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeAlias

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.verify.problem import Problem, as_tuple, inner_product

# Returns the part of a direction that belongs to the input at a position. It is a function, because
# an array for all parameters of a large model would be as large as the model.
Direction: TypeAlias = Callable[[int], Array]

TINY = 1e-20  # its square is negligible compared with 1, so there is no truncation error


class Slopes(Protocol):
    """A method of numerical differentiation."""

    def element(self, position: int, index: tuple[int, ...]) -> tuple[float, float]:
        """Return the slope in one element, and the step."""

    def along(self, positions: list[int], direction: Direction) -> tuple[float, float]:
        """Return the slope along a direction through some of the inputs, and the step."""


class ComplexStep:
    r"""Slopes by a complex step (Squire and Trapp 1998, SIAM Review 40(1), 110-112).

    .. math:: f'(x) = \frac{\mathrm{Im}\, f(x + ih)}{h} + O(h^2)

    There is no subtraction, so there is no cancellation: with h = 1e-20, the result is exact to the
    last few bits, provided that f is analytic.
    """

    def __init__(self, problem: Problem, dy: Any) -> None:
        self._problem, self._dy = problem, dy
        self._values = list(problem.values)
        for i in problem.floating:
            self._values[i] = problem.values[i].astype(np.complex128)

    def element(self, position: int, index: tuple[int, ...]) -> tuple[float, float]:
        imaginary = self._values[position].imag
        imaginary[index] = TINY
        try:
            return self._slope(), TINY
        finally:
            imaginary[index] = 0

    def along(self, positions: list[int], direction: Direction) -> tuple[float, float]:
        try:
            for position in positions:
                np.multiply(direction(position), TINY, out=self._values[position].imag)
            return self._slope(), TINY
        finally:
            for position in positions:
                self._values[position].imag = 0

    def _slope(self) -> float:
        with hint_at_central("complex"):
            y, _ = self._problem.run(self._values)
        return inner_product(self._dy, imaginary_parts(y, self._dy)) / TINY


def imaginary_parts(y: Any, wanted: Any) -> Any:
    """Return the imaginary parts of the outputs of a complex step.

    Parameters
    ----------
    y : array, or tuple of arrays
    wanted : array, or tuple of arrays
        None for outputs that are not differentiated.

    Raises
    ------
    TypeError
        If an output is real.
    """
    for part, gradient in zip(as_tuple(y), as_tuple(wanted), strict=True):
        if gradient is not None and np.asarray(part).dtype.kind != "c":
            raise TypeError(
                "forward returned real outputs for complex inputs, so it cannot be "
                "differentiated by a complex step; use method='central'"
            )
    parts = tuple(None if part is None else np.imag(part) for part in as_tuple(y))
    return parts if isinstance(y, tuple | list) else parts[0]


@contextmanager
def hint_at_central(dtype: str) -> Iterator[None]:
    """Add a hint to the error if the functions do not accept a dtype that the caller did not."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", np.exceptions.ComplexWarning)
            yield
    except Exception as error:
        raise TypeError(
            f"the functions run with the given inputs but not with {dtype} ones ({error}); "
            "use method='central'"
        ) from error


class CentralDifferences:
    r"""Slopes by central differences, :math:`(f(x + h) - f(x - h)) / 2h`, with a sweep of steps.

    Large steps suffer from curvature, small steps from rounding. Of all steps, the result is used
    that agrees best with the results of both neighboring steps (two may agree by chance). The
    gradient under test does not influence the choice.
    """

    def __init__(self, problem: Problem, dy: Any) -> None:
        self._problem, self._dy = problem, dy
        eps = float(np.finfo(problem.dtype).eps)
        self._steps = np.geomspace(eps**0.2, eps**0.5, 7)  # relative to the size of x

    def element(self, position: int, index: tuple[int, ...]) -> tuple[float, float]:
        slopes, scale = self._sweep_element(position, index)
        return self._best(slopes, scale)

    def noise(self, position: int, index: tuple[int, ...]) -> float:
        """Estimate the error of the slope in one element.

        The slope varies so much with the step, or the outputs are rounded so coarsely.
        """
        slopes, scale = self._sweep_element(position, index)
        best, step = self._best(slopes, scale)
        outputs = outputs_of(self._problem, self._problem.values)
        terms = [
            float(np.finfo(y.dtype).eps) * np.max(np.abs(np.multiply(dy, y)), initial=0)
            for dy, y in zip(as_tuple(self._dy), outputs, strict=True)
            if dy is not None
        ]
        variation = np.median(np.abs(np.subtract(slopes, best)))
        return float(max(variation, max(terms) / step))

    def along(self, positions: list[int], direction: Direction) -> tuple[float, float]:
        v = {i: direction(i) for i in positions}
        scale = max(float(np.max(step_scale(self._problem.values[i]))) for i in positions)

        def moved(step: float) -> tuple[list[Any], Any]:
            return move(self._problem, v, step), step

        return self._best(self._sweep(moved, scale), scale)

    def _sweep_element(self, position: int, index: tuple[int, ...]) -> tuple[list[float], float]:
        x = self._problem.values[position]

        def moved(step: float) -> tuple[list[Any], Any]:
            values = list(self._problem.values)
            values[position] = x.copy()
            values[position][index] += step
            return values, wide(values[position])[index]

        scale = float(step_scale(x[index]))
        return self._sweep(moved, scale), scale

    def _sweep(self, moved: Any, scale: float) -> list[float]:
        slopes = []
        for step in self._steps * scale:
            (ahead, stop), (behind, start) = moved(step), moved(-step)
            y_ahead = outputs_of(self._problem, ahead)
            rise: Any = difference(y_ahead, outputs_of(self._problem, behind))
            slopes.append(inner_product(as_tuple(self._dy), rise) / float(stop - start))
        return slopes

    def _best(self, slopes: list[float], scale: float) -> tuple[float, float]:
        gaps = np.abs(np.diff(slopes))
        best = int(np.argmin(np.maximum(gaps[:-1], gaps[1:]))) + 1
        return slopes[best], float(self._steps[best] * scale)


def move(problem: Problem, direction: dict[int, Array], step: float) -> list[Any]:
    """Return the inputs after a step along a direction."""
    values = list(problem.values)
    for position, v in direction.items():
        x = values[position]
        values[position] = np.asarray(x + step * v, x.dtype)
    return values


def step_scale(x: Any) -> Any:
    """Return the scale of a step: the size of x, but at least 1 (and 1 if x is infinite)."""
    return np.where(np.isfinite(x), np.maximum(np.abs(x), 1), 1)


def outputs_of(problem: Problem, values: list[Any]) -> tuple[Any, ...]:
    """Return copies of the outputs, because an output may be a view of an input."""
    return tuple(np.array(part) for part in as_tuple(problem.run(values)[0]))


def difference(a: tuple[Any, ...], b: tuple[Any, ...]) -> tuple[Any, ...]:
    """Compute a - b in float64 or more; 0 if both are equal, including infinities."""
    return tuple(_difference(p, q) for p, q in zip(a, b, strict=True))


def _difference(p: Array, q: Array) -> Any:
    if p.dtype.kind not in "biuf":  # an output that is no number has no slope
        return None
    p, q = wide(p), wide(q)
    return np.subtract(p, q, out=np.zeros_like(p), where=p != q)


def wide(x: Array) -> Array:
    """Return an array in float64, or in an extended precision if it has one."""
    return np.asarray(x, np.result_type(x.dtype, np.float64))
