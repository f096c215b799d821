"""Test cases that an operation registers for all test suites."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scratchgpt.backend import Array, random_stream
from scratchgpt.verify.report import Report
from scratchgpt.verify.vjp import check_vjp

LAYOUTS = ("C", "fortran", "strided", "reversed")


@dataclass(frozen=True)
class Case:
    """Inputs at which an operation is tested.

    Attributes
    ----------
    note : str
        What the case tests.
    inputs : dict of str to array
        Floating-point arrays are in float64.
    settings : dict
    layout : {"C", "fortran", "strided", "reversed"}
        Memory layout of the arrays.
    """

    note: str
    inputs: dict[str, Any]
    settings: dict[str, Any] = field(default_factory=dict)
    layout: str = "C"

    def build(
        self, dtype: Any = np.float64, layout: str | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Create the inputs and settings in a dtype and a layout (by default the case's own)."""
        layout = self.layout if layout is None else layout
        inputs = {name: _build(x, dtype, layout) for name, x in self.inputs.items()}
        real = np.empty(0, dtype).real.dtype  # a floating mask is a constant: it stays real
        return inputs, {name: _build(x, real, layout) for name, x in self.settings.items()}


@dataclass(frozen=True)
class Example:
    """An operation with its test cases."""

    name: str
    forward: Callable[..., tuple[Any, Any]]
    backward: Callable[[Any, Any], Any]
    cases: tuple[Case, ...]

    def check(self, case: Case, **options: Any) -> Report:
        """Run :func:`scratchgpt.verify.check_vjp` for one of the cases."""
        inputs, settings = case.build()
        return check_vjp(self.forward, self.backward, inputs, settings=settings, **options)


class Draw:
    """Reproducible random arrays of ordinary size for the cases of one operation."""

    def __init__(self, name: str) -> None:
        self._rng = random_stream(0, "examples", name)

    def normal(self, *shape: int) -> Array:
        return np.asarray(self._rng.standard_normal(shape))

    def away_from_one(self, *shape: int) -> Array:
        """Sample values with absolute values in 0.3 to 0.8 or 1.2 to 1.7, for layer norms."""
        size = self._rng.uniform(0.3, 0.8, shape) + 0.9 * self._rng.integers(0, 2, shape)
        return size * self._rng.choice([-1.0, 1.0], shape)

    def away_from_zero(self, *shape: int) -> Array:
        """Sample normal values whose absolute value is at least 0.1."""
        x = self.normal(*shape)
        return x + 0.1 * np.sign(x)

    def integers(self, high: int, *shape: int) -> Array:
        return self._rng.integers(0, high, shape)

    def booleans(self, *shape: int, p: float = 0.5) -> Array:
        return self._rng.random(shape) < p


def arrange(x: Array, layout: str) -> Array:
    """Return a copy of x with another memory layout."""
    if x.ndim == 0 or layout == "C":
        return np.array(x, order="C")
    if layout == "fortran":
        return np.array(x, order="F")
    if layout == "strided":  # every second element of a larger array, on every axis
        larger = np.zeros(tuple(2 * n + 1 for n in x.shape), x.dtype)
        view = larger[(slice(1, None, 2),) * x.ndim]
        view[...] = x
        return view
    backwards = (slice(None, None, -1),) * x.ndim  # negative strides
    return np.array(x[backwards], order="C")[backwards]


def _build(x: Any, dtype: Any, layout: str) -> Any:
    if not isinstance(x, np.ndarray):
        return x
    return arrange(x.astype(dtype) if x.dtype.kind == "f" else x, layout)
