"""One forward, one backward, and the point at which they are compared."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from scratchgpt.backend import random_stream

Forward: TypeAlias = Callable[..., tuple[Any, Any]]
Backward: TypeAlias = Callable[[Any, Any], Any]
Inputs: TypeAlias = Mapping[str, Any] | Sequence[Any]


class Problem:
    """A pair of functions with fixed inputs, settings and a random upstream gradient.

    What is differentiated is the scalar :math:`\\langle dy, y \\rangle`, whose gradient is what
    the backward returns. The upstream gradient is drawn from a normal distribution: one of all
    ones would prove nothing for a softmax or a layer norm, where it gives 0 right or wrong.

    Attributes
    ----------
    names : list of str
    values : list
        The inputs, as they were given.
    floating : list of int
        Positions of the inputs that are differentiated: the floating arrays.
    """

    def __init__(
        self,
        forward: Forward,
        backward: Backward,
        inputs: Inputs,
        settings: Mapping[str, Any] | None,
        seed: int,
    ) -> None:
        self.forward, self.backward, self.seed = forward, backward, seed
        if isinstance(inputs, Mapping):
            self.names, self.values = list(inputs), list(inputs.values())
        else:
            self.values = list(inputs)
            self.names = input_names(forward, len(self.values))
        self.settings = dict(settings or {})
        self.floating = []
        for i, value in enumerate(self.values):
            if isinstance(value, np.ndarray) and value.dtype.kind == "c":
                raise TypeError(
                    f"input {self.names[i]!r} is {value.dtype}; give a real array (the check "
                    "makes it complex where it needs to)"
                )
            if isinstance(value, np.ndarray) and value.dtype.kind == "f":
                self.floating.append(i)
        if not self.floating:
            raise ValueError("no input is a floating array: there is nothing to differentiate")

    @property
    def title(self) -> str:
        return f"{_name(self.forward)} / {_name(self.backward)}"

    @property
    def dtype(self) -> Any:
        """The coarsest dtype among the differentiated inputs."""
        return max((self.values[i].dtype for i in self.floating), key=lambda d: np.finfo(d).eps)

    def in_float64(self) -> "Problem":
        """The same with all floating inputs in float64; itself where they are."""
        if all(self.values[i].dtype == np.float64 for i in self.floating):
            return self
        values = list(self.values)
        for i in self.floating:
            values[i] = values[i].astype(np.float64)
        named = dict(zip(self.names, values, strict=True))
        return Problem(self.forward, self.backward, named, self.settings, self.seed)

    def run(self, values: Sequence[Any]) -> tuple[Any, Any]:
        """The forward at other values of the inputs: (y, saved)."""
        result = self.forward(*values, **self.settings)
        if not isinstance(result, tuple) or len(result) != 2:
            raise TypeError(f"{_name(self.forward)} must return a pair (output, saved)")
        return result

    def upstream(self, y: Any) -> Any:
        """A random gradient of the shape of y; None in the place of outputs of whole numbers."""
        if not isinstance(y, tuple | list):
            return self._upstream_of_one(y, 0)
        return tuple(self._upstream_of_one(part, i) for i, part in enumerate(y))

    def _upstream_of_one(self, y: Any, i: int) -> Any:
        array = np.asarray(y)
        if array.dtype.kind != "f":
            return None
        dy = random_stream(self.seed, "upstream", i).standard_normal(array.shape)
        # What is infinite has no slope (a log-probability of a class that is ruled out).
        dy = np.where(np.isinf(array), 0, dy).astype(array.dtype)
        return dy if isinstance(y, np.ndarray) else dy[()]

    def pull(self, dy: Any, saved: Any) -> list[Any]:
        """The backward's gradients, one for each differentiated input."""
        gradients = self.backward(dy, saved)
        gradients = list(gradients) if isinstance(gradients, tuple | list) else [gradients]
        while len(gradients) > len(self.values) and gradients[-1] is None:
            gradients.pop()  # of optional inputs that were left out
        if len(gradients) == len(self.values):
            return [gradients[i] for i in self.floating]
        if len(gradients) == len(self.floating):
            return gradients
        raise TypeError(
            f"{_name(self.backward)} returned {len(gradients)} gradients for "
            f"{len(self.values)} inputs, {len(self.floating)} of them floating"
        )


def inner_product(dy: Any, outputs: Any) -> float:
    r"""The scalar :math:`\langle dy, y \rangle` over all floating outputs, in float64."""
    if not isinstance(dy, tuple):
        dy, outputs = (dy,), (outputs,)
    total = 0.0
    for gradient, output in zip(dy, outputs, strict=True):
        if gradient is not None:
            total += float(np.sum(np.asarray(gradient, np.float64) * output))
    return total


def input_names(forward: Forward, n: int) -> list[str]:
    """Names for n positional inputs: those of the function's own parameters where it tells."""
    try:
        parameters = inspect.signature(forward).parameters.values()
    except (TypeError, ValueError):  # not every compiled function has a signature
        parameters = []  # type: ignore[assignment]
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [p.name for p in parameters if p.kind in positional]
    return [names[i] if i < len(names) else f"input {i}" for i in range(n)]


def _name(function: Any) -> str:
    return getattr(function, "__qualname__", None) or type(function).__name__
