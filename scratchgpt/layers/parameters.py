"""Parameters, and the flat arrays that they are views of."""

import math
from collections.abc import Callable, Collection, Iterator
from typing import Any

import numpy as np

from scratchgpt.backend import Array, random_stream
from scratchgpt.memory import ALIGNMENT, aligned_zeros

Initializer = Callable[[Array, np.random.Generator], None]


def zeros(value: Array, rng: np.random.Generator) -> None:
    """All 0, as biases start."""
    value[...] = 0


def ones(value: Array, rng: np.random.Generator) -> None:
    """All 1, as the weights of layer norms start."""
    value[...] = 1


def normal(std: float) -> Initializer:
    """Normally distributed with mean 0 and standard deviation ``std``."""

    def initialize(value: Array, rng: np.random.Generator) -> None:
        if value.dtype == np.float32:
            rng.standard_normal(out=value, dtype=np.float32)
        else:
            value[...] = rng.standard_normal(value.shape)
        value *= std

    return initialize


class Parameter:
    """A named pair of views: its value, and the gradient that backward passes add to.

    Attributes
    ----------
    shape : tuple of int
    value, grad : array ``shape``
        Views of the flat arrays of a :class:`ParameterStore`; there are none before
        :meth:`Layer.initialize`.
    """

    __slots__ = ("_forgotten", "_grad", "_initializer", "shape", "value")

    value: Array

    def __init__(self, shape: tuple[int, ...], initializer: Initializer) -> None:
        self.shape = shape
        self._initializer = initializer
        self._forgotten = False

    @property
    def grad(self) -> Array:
        self.settle_grad()
        return self._grad

    @grad.setter
    def grad(self, grad: Array) -> None:
        self._grad, self._forgotten = grad, False

    def forget_grad(self) -> None:
        """Let the gradient be 0, which is written when somebody asks for it."""
        self._forgotten = True

    def settle_grad(self) -> None:
        """Write the zeros that are due."""
        if self._forgotten:
            self._grad[...] = 0
            self._forgotten = False

    def take_grad(self) -> tuple[Array, bool]:
        """The memory of the gradient, and whether it holds anything to add to.

        If not, the caller writes all of it. So zeros need not be written before the first product
        of a step, nor read by it.
        """
        add, self._forgotten = not self._forgotten, False
        return self._grad, add

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def decays(self) -> bool:
        """Whether weight decay pulls on it: on matrices, not on biases and layer norms."""
        return len(self.shape) > 1

    def initialize(self, rng: np.random.Generator) -> None:
        self._initializer(self.value, rng)


class ParameterStore:
    """All parameters of a model in one flat array, all gradients in a second of the same layout.

    So the optimiser is one loop, the norm of the gradient one pass, and a copy one assignment.
    Matrices come first: ``values[:n_decay]`` is what weight decay pulls on. Each parameter starts
    at a multiple of 64 bytes; the gaps stay zero in values and gradients.

    Parameters
    ----------
    named : dict of str to Parameter
    dtype : float32, float64 or complex128
    """

    def __init__(self, named: dict[str, Parameter], dtype: Any) -> None:
        self.named = named
        self.dtype = np.dtype(dtype)
        if self.dtype.kind not in "fc":
            raise TypeError(f"parameters must be floating point, got {self.dtype}")
        order = sorted(named, key=lambda name: not named[name].decays)  # stable: matrices first
        step = ALIGNMENT // math.gcd(ALIGNMENT, self.dtype.itemsize)
        offsets, total, self.n_decay = {}, 0, 0
        self._gaps = []
        for name in order:
            offsets[name] = total
            end = total + named[name].size
            total += -(-named[name].size // step) * step
            if end < total:
                self._gaps.append(slice(end, total))
            if named[name].decays:
                self.n_decay = total
        self.values = aligned_zeros(total, self.dtype)
        self._grads = aligned_zeros(total, self.dtype)  # costs no memory until it is written
        values, grads = self.views(self.values, offsets), self.views(self._grads, offsets)
        for name, parameter in named.items():
            parameter.value, parameter.grad = values[name], grads[name]
        self._offsets = offsets

    @property
    def grads(self) -> Array:
        """All gradients, flat (n,)."""
        for parameter in self.named.values():
            parameter.settle_grad()
        return self._grads

    def views(self, flat: Array, offsets: dict[str, int] | None = None) -> dict[str, Array]:
        """Views of a flat array of this layout (values, gradients, moments), one a parameter."""
        offsets = self._offsets if offsets is None else offsets
        return {
            name: flat[offsets[name] : offsets[name] + parameter.size].reshape(parameter.shape)
            for name, parameter in self.named.items()
        }

    def spans_without(self, names: Collection[str]) -> list[tuple[int, int]]:
        """Where in the flat arrays the parameters are that are not among ``names``.

        Returns
        -------
        spans : list of (start, stop)
            In rising order, as few as can be; gaps belong to the parameter before them.
        """
        in_order = sorted(self._offsets.items(), key=lambda item: item[1])
        ends = [start for _, start in in_order[1:]] + [self.values.size]
        spans: list[tuple[int, int]] = []
        for (name, start), stop in zip(in_order, ends, strict=True):
            if name in names:
                continue
            if spans and spans[-1][1] == start:
                start = spans.pop()[0]
            spans.append((start, stop))
        return spans

    @property
    def size(self) -> int:
        """How many numbers the parameters are, gaps not counted."""
        return sum(parameter.size for parameter in self.named.values())

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for parameter in self.named.values():
            parameter.forget_grad()
        for gap in self._gaps:
            self._grads[gap] = 0


class Layer:
    """What owns parameters: directly, or through the layers among its attributes.

    A layer keeps nothing of a pass: ``forward`` returns what ``backward`` needs, and backward adds
    the gradients of the parameters to ``parameter.grad`` and returns those of the inputs. So one
    layer may run many times before any backward pass.
    """

    store: ParameterStore

    def named_parameters(self, prefix: str = "") -> Iterator[tuple[str, Parameter]]:
        """Each parameter with its dotted name, in the order in which they were declared."""
        for name, attribute in vars(self).items():
            if isinstance(attribute, Parameter):
                yield prefix + name, attribute
            elif isinstance(attribute, Layer):
                yield from attribute.named_parameters(f"{prefix}{name}.")
            elif isinstance(attribute, list):
                for i, layer in enumerate(attribute):
                    yield from layer.named_parameters(f"{prefix}{name}.{i}.")

    def initialize(self, seed: int | None = 0, dtype: Any = np.float32) -> "Layer":
        """Give the parameters their memory and first values; returns the layer itself.

        Without a seed they are zeros, for whoever has values of his own: memory that nobody wrote
        to costs nothing.

        Each parameter draws from a stream of its own, named after it. A parameter that is used in
        two places (a tied head) counts once, under the name that comes first.
        """
        named: dict[str, Parameter] = {}
        seen = set()
        for name, parameter in self.named_parameters():
            if id(parameter) not in seen:
                seen.add(id(parameter))
                named[name] = parameter
        self.store = ParameterStore(named, dtype)
        if seed is not None:
            for name, parameter in named.items():
                parameter.initialize(random_stream(seed, "init", name))
        return self
