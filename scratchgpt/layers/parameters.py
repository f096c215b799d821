"""Parameters, and the flat arrays that they are views of."""

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from scratchgpt.accumulator import NOT_WANTED, Accumulator, NotWanted
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
    value : array ``shape``
        A view of the flat values of a :class:`ParameterStore`; there is none before
        :meth:`Layer.initialize`.
    accumulator : Accumulator or NOT_WANTED
        What backward passes add the gradient to; ``NOT_WANTED`` if the parameter is frozen.
    """

    __slots__ = ("_initializer", "accumulator", "shape", "value")

    value: Array
    accumulator: Accumulator | NotWanted

    def __init__(self, shape: tuple[int, ...], initializer: Initializer) -> None:
        self.shape = shape
        self._initializer = initializer

    @property
    def grad(self) -> Array:
        """The gradient that backward passes have added up, an array ``shape``."""
        if self.accumulator is NOT_WANTED:
            raise AttributeError("a frozen parameter has no gradient")
        return self.accumulator.array

    @grad.setter
    def grad(self, grad: Array) -> None:
        self.accumulator = Accumulator(grad)

    @property
    def transposed_accumulator(self) -> Accumulator | NotWanted:
        """The accumulator for whoever uses the transposed value."""
        return self.accumulator if self.accumulator is NOT_WANTED else self.accumulator.T

    @property
    def is_frozen(self) -> bool:
        """Whether training leaves the parameter as it is, so that it has no gradient."""
        return self.accumulator is NOT_WANTED

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def decays(self) -> bool:
        """Whether weight decay pulls on it: on matrices, not on biases and layer norms."""
        return len(self.shape) > 1

    def initialize(self, rng: np.random.Generator) -> None:
        self._initializer(self.value, rng)


class Span(NamedTuple):
    """A run of neighboring trained parameters: where it lies in the flat arrays."""

    values: slice
    grads: slice  # of gradients and moments


class ParameterStore:
    """All parameters of a model in one flat array, their gradients in a second one.

    So the optimizer is one loop, the norm of the gradient one pass, and a copy one assignment.
    Matrices come first: ``values[:n_decay]`` is what weight decay applies to. Each parameter
    starts at a multiple of 64 bytes; the gaps stay zero in values and gradients.

    The flat gradients, and the moments of an optimizer, hold the trained parameters alone: see
    :meth:`freeze`. As long as nothing is frozen they have the layout of the values.

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
        self._order = sorted(named, key=lambda name: not named[name].decays)  # matrices first
        self._offsets, total = self._layout(self._order)
        matrices = [name for name in named if named[name].decays]
        self.n_decay = self._layout(matrices)[1]
        self.values = aligned_zeros(total, self.dtype)
        for name, value in self.value_views(self.values).items():
            named[name].value = value
        self.freeze(())

    def freeze(self, names: Collection[str]) -> None:
        """Train all parameters but these, which get no memory for gradients or moments.

        Gradients that were added up so far are lost.

        Parameters
        ----------
        names : collection of str
            Of parameters. An empty collection unfreezes all.
        """
        self.trained = [name for name in self._order if name not in names]
        self._grad_offsets, total = self._layout(self.trained)
        self._grads = aligned_zeros(total, self.dtype)  # costs no memory until it is written
        views = self.grad_views(self._grads)
        for name, parameter in self.named.items():
            parameter.accumulator = Accumulator(views[name]) if name in views else NOT_WANTED

    @property
    def frozen(self) -> set[str]:
        """Names of the parameters that are not trained."""
        return set(self.named) - set(self.trained)

    @property
    def grads(self) -> Array:
        """The gradients of all trained parameters, flat (n,)."""
        for name in self.trained:
            self.named[name].grad  # noqa: B018 (writes the zeros that are due)
        return self._grads

    def value_views(self, flat: Array) -> dict[str, Array]:
        """Views of a flat array in the layout of ``values``, one for each parameter."""
        return self._views(flat, self._offsets)

    def grad_views(self, flat: Array) -> dict[str, Array]:
        """Views of a flat array in the layout of ``grads``, one for each trained parameter."""
        return self._views(flat, self._grad_offsets)

    def trained_spans(self) -> list[Span]:
        """Where the trained parameters lie in the flat arrays, in as few spans as possible.

        The gap behind a parameter belongs to its span.
        """
        spans: list[Span] = []
        for name in self.trained:
            size = self._padded(self.named[name].size)
            start, grad_start = self._offsets[name], self._grad_offsets[name]
            if spans and spans[-1].values.stop == start:
                before = spans.pop()
                size += start - before.values.start
                start, grad_start = before.values.start, before.grads.start
            spans.append(Span(slice(start, start + size), slice(grad_start, grad_start + size)))
        return spans

    @property
    def size(self) -> int:
        """How many numbers the parameters are, gaps not counted."""
        return sum(parameter.size for parameter in self.named.values())

    def zero_grad(self) -> None:
        """Set all gradients to zero."""
        for name in self.trained:
            accumulator = self.named[name].accumulator
            assert accumulator is not NOT_WANTED
            accumulator.clear()
            end = self._grad_offsets[name] + self.named[name].size
            self._grads[end : end + -self.named[name].size % self._step] = 0  # the gap behind it

    def _layout(self, names: Sequence[str]) -> tuple[dict[str, int], int]:
        """Where each parameter starts in a flat array of these, and the size of that array."""
        offsets, total = {}, 0
        for name in names:
            offsets[name] = total
            total += self._padded(self.named[name].size)
        return offsets, total

    @property
    def _step(self) -> int:
        """Parameters start at multiples of so many numbers."""
        return ALIGNMENT // math.gcd(ALIGNMENT, self.dtype.itemsize)

    def _padded(self, size: int) -> int:
        return size + -size % self._step

    def _views(self, flat: Array, offsets: dict[str, int]) -> dict[str, Array]:
        return {
            name: flat[offsets[name] : offsets[name] + parameter.size].reshape(parameter.shape)
            for name, parameter in self.named.items()
            if name in offsets
        }


class Layer:
    """What owns parameters: directly, or through the layers among its attributes.

    A layer keeps nothing of a pass: ``forward`` returns what ``backward`` needs, and backward adds
    the gradients of the parameters to ``parameter.grad`` and returns those of the inputs. So one
    layer may run many times before any backward pass.
    """

    store: ParameterStore

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Each parameter with its dotted name, in the order in which they were declared.

        A parameter that is used in two places (a tied head) counts once, under its first name.
        """
        seen = set()
        for name, attribute in self._attributes():
            if isinstance(attribute, Parameter) and id(attribute) not in seen:
                seen.add(id(attribute))
                yield name, attribute

    def named_layers(self) -> Iterator[tuple[str, "Layer"]]:
        """Each layer with its dotted path, itself with ``""`` first.

        A layer that is used in two places counts once, under its first path.
        """
        yield "", self
        seen = {id(self)}
        for path, attribute in self._attributes():
            if isinstance(attribute, Layer) and id(attribute) not in seen:
                seen.add(id(attribute))
                yield path, attribute

    def _attributes(self, prefix: str = "") -> Iterator[tuple[str, "Parameter | Layer"]]:
        """Everything below, each layer before what it is made of, as often as it is used."""
        for name, attribute in vars(self).items():
            if isinstance(attribute, Parameter):
                yield prefix + name, attribute
            elif isinstance(attribute, Layer):
                yield prefix + name, attribute
                yield from attribute._attributes(f"{prefix}{name}.")
            elif isinstance(attribute, list):
                for i, layer in enumerate(attribute):
                    yield f"{prefix}{name}.{i}", layer
                    yield from layer._attributes(f"{prefix}{name}.{i}.")

    def initialize(self, seed: int | None = 0, dtype: Any = np.float32) -> "Layer":
        """Give the parameters their memory and first values; returns the layer itself.

        Without a seed they are zeros, for whoever has values of his own: memory that nobody wrote
        to costs nothing.

        Each parameter draws from a stream of its own, named after it.
        """
        named = dict(self.named_parameters())
        self.store = ParameterStore(named, dtype)
        if seed is not None:
            for name, parameter in named.items():
                parameter.initialize(random_stream(seed, "init", name))
        return self
