"""A forward, a backward, and the point at which they are compared."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from scratchgpt.backend import random_stream
from scratchgpt.errors import counted

Forward: TypeAlias = Callable[..., tuple[Any, Any]]
Backward: TypeAlias = Callable[[Any, Any], Any]
Inputs: TypeAlias = Mapping[str, Any] | Sequence[Any]


class Problem:
    r"""A pair of functions with fixed inputs, settings and a random upstream gradient.

    The checks differentiate the scalar :math:`\langle dy, y \rangle`; the backward returns its
    gradient. The upstream gradient is sampled from a normal distribution. An upstream gradient of
    ones would prove nothing for a softmax or a layer norm, whose gradient would always be 0.

    Attributes
    ----------
    names : list of str
    values : list
        The inputs as passed by the caller.
    floating : list of int
        Positions of the inputs that are differentiated: the floating-point arrays.
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
                    f"input {self.names[i]!r} is {value.dtype}; pass a real array (the check "
                    "makes it complex if necessary)"
                )
            if isinstance(value, np.ndarray) and value.dtype.kind == "f":
                self.floating.append(i)
        if not self.floating:
            raise ValueError("no input is a floating-point array; nothing to differentiate")

    @property
    def title(self) -> str:
        return f"{_name(self.forward)} / {_name(self.backward)}"

    @property
    def dtype(self) -> Any:
        """The least precise dtype among the differentiated inputs."""
        return max((self.values[i].dtype for i in self.floating), key=lambda d: np.finfo(d).eps)

    def in_float64(self) -> "Problem":
        """Return the problem with all floating-point inputs in float64; itself if they are."""
        if all(self.values[i].dtype == np.float64 for i in self.floating):
            return self
        values = list(self.values)
        for i in self.floating:
            values[i] = values[i].astype(np.float64)
        named = dict(zip(self.names, values, strict=True))
        return Problem(self.forward, self.backward, named, self.settings, self.seed)

    def run(self, values: Sequence[Any]) -> tuple[Any, Any]:
        """Run the forward with other values of the inputs: (y, saved)."""
        result = self.forward(*values, **self.settings)
        if not isinstance(result, tuple) or len(result) != 2:
            raise TypeError(f"{_name(self.forward)} must return a pair (output, saved)")
        return result

    def upstream(self, y: Any) -> Any:
        """Sample an upstream gradient with the shape of y; None for integer outputs."""
        if not isinstance(y, tuple | list):
            return self._upstream_of_one(y, 0)
        return tuple(self._upstream_of_one(part, i) for i, part in enumerate(y))

    def _upstream_of_one(self, y: Any, i: int) -> Any:
        array = np.asarray(y)
        if array.dtype.kind != "f":
            return None
        dy = random_stream(self.seed, "upstream", i).standard_normal(array.shape)
        # Infinite elements have no slope (the log-probability of an excluded class).
        dy = np.where(np.isinf(array), 0, dy).astype(array.dtype)
        return dy if isinstance(y, np.ndarray) else dy[()]

    def pull(self, dy: Any, saved: Any) -> list[Any]:
        """Run the backward, and return one gradient per differentiated input."""
        gradients = self.backward(dy, saved)
        gradients = list(gradients) if isinstance(gradients, tuple | list) else [gradients]
        while len(gradients) > len(self.values) and gradients[-1] is None:
            gradients.pop()  # of optional inputs that were omitted
        if len(gradients) == len(self.values):
            return [gradients[i] for i in self.floating]
        if len(gradients) == len(self.floating):
            return gradients
        raise TypeError(
            f"{_name(self.backward)} returned {counted(len(gradients), 'gradient')} for "
            f"{counted(len(self.values), 'input')}, {len(self.floating)} of them floating"
        )


def inner_product(dy: Any, outputs: Any) -> float:
    r"""Compute :math:`\langle dy, y \rangle` over all floating-point outputs, in float64."""
    if not isinstance(dy, tuple):
        dy, outputs = (dy,), (outputs,)
    total = 0.0
    for gradient, output in zip(dy, outputs, strict=True):
        if gradient is not None:
            total += float(np.sum(np.asarray(gradient, np.float64) * output))
    return total


def input_names(forward: Forward, n: int) -> list[str]:
    """Return names for n positional inputs, from the signature of the function if available."""
    try:
        parameters = inspect.signature(forward).parameters.values()
    except (TypeError, ValueError):  # some compiled functions have no signature
        parameters = []  # type: ignore[assignment]
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [p.name for p in parameters if p.kind in positional]
    return [names[i] if i < len(names) else f"input {i}" for i in range(n)]


def _name(function: Any) -> str:
    return getattr(function, "__qualname__", None) or type(function).__name__
