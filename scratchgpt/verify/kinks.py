"""Finding elements at which a function has no derivative, such as relu at 0."""

from typing import Any

import numpy as np

from scratchgpt.backend import Array, random_stream
from scratchgpt.verify.problem import Problem, as_tuple, inner_product
from scratchgpt.verify.report import Kink
from scratchgpt.verify.slopes import difference, move, outputs_of, step_scale


class KinkFinder:
    """Compares the slopes to the left and to the right of a point.

    If the function is smooth, the gap between the slopes shrinks with the step; at a kink, it does
    not. One random direction through all elements shows whether there is a kink. Bisection of the
    set of elements then finds it.
    """

    def __init__(self, problem: Problem, dy: Any) -> None:
        self._problem = problem
        self._dy = as_tuple(dy)
        self._here = outputs_of(problem, problem.values)
        eps = float(np.finfo(problem.dtype).eps)
        self._steps = eps ** np.array([1 / 3, 4 / 9, 5 / 9])
        # A smaller gap, relative to the slopes, is a rounding error.
        self._threshold = max(1e-3, 30 * eps / self._steps[-1])

    def find(self, position: int, gradient: Array) -> list[Kink]:
        """Find the kinks among the elements of one input, with the backward's gradient at each."""
        x = self._problem.values[position]
        rng = random_stream(self._problem.seed, "kinks", position)
        direction = rng.uniform(0.5, 1.5, x.shape) * rng.choice([-1, 1], x.shape) * step_scale(x)
        kinks = []
        undecided = [np.arange(x.size)] if x.size else []
        while undecided:
            chosen = undecided.pop()
            v = np.zeros(x.size)
            v[chosen] = direction.reshape(-1)[chosen]
            if not self._has_kink({position: v.reshape(x.shape)}):
                continue
            if len(chosen) > 1:
                undecided += np.array_split(chosen, 2)
                continue
            index = tuple(int(i) for i in np.unravel_index(chosen[0], x.shape))
            v[chosen] = step_scale(x[index])
            left, right = self._one_sided({position: v.reshape(x.shape)}, self._steps[1])
            scale = float(v[chosen[0]])
            kinks.append(Kink(index, left / scale, right / scale, float(gradient[index])))
        return sorted(kinks)

    def _has_kink(self, direction: dict[int, Array]) -> bool:
        gaps = []
        for step in self._steps:
            left, right = self._one_sided(direction, step)
            if not abs(right - left) > self._threshold * (abs(left) + abs(right)):
                return False
            gaps.append(abs(right - left))
        return min(gaps) > 0.5 * max(gaps)

    def _one_sided(self, direction: dict[int, Array], step: float) -> tuple[float, float]:
        ahead = outputs_of(self._problem, move(self._problem, direction, step))
        behind = outputs_of(self._problem, move(self._problem, direction, -step))
        right = inner_product(self._dy, difference(ahead, self._here)) / step
        left = inner_product(self._dy, difference(self._here, behind)) / step
        return left, right
