"""A forward, a backward, and the point at which they are compared."""

from collections.abc import Callable, Mapping, Sequence
from numbers import Number
from typing import Any, TypeAlias

import numpy as np

from scratchgpt.backend import random_stream
from scratchgpt.errors import counted
from scratchgpt.verify.inputs import Inputs, bind, coarsest, function_name, is_floating

Forward: TypeAlias = Callable[..., tuple[Any, Any]]
Backward: TypeAlias = Callable[[Any, Any], Any]


class Problem:
    r"""A pair of functions with fixed inputs, settings and a random upstream gradient.

    The checks differentiate the scalar :math:`\langle dy, y \rangle`; the backward returns its
    gradient. The upstream gradient is sampled from a normal distribution. An upstream gradient of
    ones would prove nothing for a softmax or a layer norm, whose gradient would always be 0.

    Attributes
    ----------
    names : list of str
    values : list
        The inputs in the order of the forward's parameters.
    floating : list of int
        Positions of the inputs that are differentiated: the floating-point arrays and numbers.
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
        self.names, self.values, self._n_positional = bind(forward, inputs)
        self.settings = dict(settings or {})
        self.floating = [i for i, value in enumerate(self.values) if is_floating(value)]
        if not self.floating:
            raise ValueError("no input is a floating-point array; nothing to differentiate")

    @property
    def title(self) -> str:
        return f"{function_name(self.forward)} / {function_name(self.backward)}"

    @property
    def dtype(self) -> Any:
        """The least precise dtype among the differentiated inputs."""
        return coarsest([self.values[i] for i in self.floating])

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
        n = self._n_positional
        keywords = dict(zip(self.names[n:], values[n:], strict=True))
        result = self.forward(*values[:n], **keywords, **self.settings)
        if not isinstance(result, tuple) or len(result) != 2:
            raise TypeError(f"{function_name(self.forward)} must return a pair (output, saved)")
        y = result[0]
        for part in as_tuple(y):
            is_absent = part is None and part is not y  # one of several outputs
            if not (is_absent or isinstance(part, np.ndarray | Number | np.generic)):
                raise TypeError(
                    f"{function_name(self.forward)} returned a {type(part).__name__} as output; "
                    "return an array, a number, or a tuple of them"
                )
        return result

    def upstream(self, y: Any, stream: str = "upstream") -> Any:
        """Sample an upstream gradient with the shape of y; None for integer outputs.

        Raises
        ------
        TypeError
            If no output can be differentiated, or one of them is complex.
        """
        dtypes = [np.asarray(part).dtype for part in as_tuple(y)]
        if any(dtype.kind == "c" for dtype in dtypes) or "f" not in {d.kind for d in dtypes}:
            found = ", ".join(map(str, dtypes)) or "nothing"
            raise TypeError(
                f"{function_name(self.forward)} returned {found} for real inputs; "
                "an output must be a floating-point array"
            )
        if not isinstance(y, tuple | list):
            return self._upstream_of_one(y, stream, 0)
        return tuple(self._upstream_of_one(part, stream, i) for i, part in enumerate(y))

    def _upstream_of_one(self, y: Any, stream: str, i: int) -> Any:
        array = np.asarray(y)
        if array.dtype.kind != "f":
            return None
        dy = random_stream(self.seed, stream, i).standard_normal(array.shape)
        # Infinite elements have no slope (the log-probability of an excluded class).
        dy = np.where(np.isinf(array), 0, dy).astype(array.dtype)
        return dy if isinstance(y, np.ndarray) else dy[()]

    def pull(self, dy: Any, saved: Any) -> list[Any]:
        """Run the backward, and return one gradient per differentiated input."""
        return gradients_of(self.backward(dy, saved), self.backward, self.names, self.floating)


def gradients_of(result: Any, backward: Any, names: list[str], floating: list[int]) -> list[Any]:
    """Return one gradient per differentiated input from the result of a backward pass.

    Parameters
    ----------
    result : object
        A tuple with a gradient for each input, or for each differentiated one; or one gradient.
    backward : callable
        For messages.
    names : list of str
        Those of all inputs.
    floating : list of int
        Positions of the differentiated inputs.

    Raises
    ------
    TypeError
        If the number of gradients is neither.
    """
    if result is None:
        return [None] * len(floating)
    if isinstance(result, Mapping):
        raise TypeError(
            f"{function_name(backward)} returned a {type(result).__name__}; return a tuple of "
            f"gradients, in the order of the inputs: {', '.join(names)}"
        )
    gradients = list(result) if isinstance(result, tuple | list) else [result]
    while len(gradients) > len(names) and gradients[-1] is None:
        gradients.pop()  # of optional inputs that were omitted
    if len(gradients) == len(names):
        return [gradients[i] for i in floating]
    if len(gradients) == len(floating):
        return gradients
    raise TypeError(
        f"{function_name(backward)} returned {counted(len(gradients), 'gradient')} for "
        f"{counted(len(names), 'input')}, {len(floating)} of them floating; pass constants in "
        "settings"
    )


def as_tuple(y: Any) -> tuple[Any, ...]:
    """Return the outputs of a forward as a tuple, also if there is only one."""
    return tuple(y) if isinstance(y, tuple | list) else (y,)


def inner_product(dy: Any, outputs: Any) -> float:
    r"""Compute :math:`\langle dy, y \rangle` over all floating-point outputs, in float64."""
    total = 0.0
    for gradient, output in zip(as_tuple(dy), as_tuple(outputs), strict=True):
        if gradient is not None:
            total += float(np.sum(np.asarray(gradient, np.float64) * output))
    return total
