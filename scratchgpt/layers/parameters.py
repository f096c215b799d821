"""Parameters, and the flat arrays that contain them."""

import math
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from scratchgpt.accumulator import NOT_WANTED, Accumulator, NotWanted
from scratchgpt.arguments import plain
from scratchgpt.backend import Array, random_stream
from scratchgpt.layers.initializers import Initializer, normal, ones, zeros
from scratchgpt.memory import ALIGNMENT, aligned_zeros

__all__ = ["Initializer", "Layer", "Parameter", "ParameterStore", "Span", "normal", "ones", "zeros"]


def _refuse_missing(owner: object, name: str) -> Any:
    """Say that an attribute is not defined before :meth:`Layer.initialize`."""
    kind = type(owner).__name__
    if name == "grad" and hasattr(owner, "accumulator"):  # an AttributeError in Parameter.grad
        raise AttributeError("a frozen parameter has no gradient")
    if name in ("value", "accumulator", "grad", "store"):
        raise AttributeError(f"the {kind} has no {name} yet; call initialize() of the layer first")
    raise AttributeError(f"{kind!r} object has no attribute {name!r}")


class Parameter:
    """A named pair of views: the value, and the gradient to which backward passes add.

    Attributes
    ----------
    shape : tuple of int
    value : array ``shape``
        A view of the flat values of a :class:`ParameterStore`; not defined before
        :meth:`Layer.initialize`.
    accumulator : Accumulator or NOT_WANTED
        Where backward passes add the gradient; ``NOT_WANTED`` if the parameter is frozen.
    columns : tuple of int
        Numbers of columns of the linear maps inside the model whose weights stand side by side in
        this matrix: three for queries, keys and values, one for a single map. It is empty for
        everything else: tables, output heads and vectors. The layer that owns the parameter says
        so, for optimizers that treat each linear map as a matrix, such as Muon.
    """

    __slots__ = ("_initializer", "accumulator", "columns", "shape", "value")

    value: Array
    accumulator: Accumulator | NotWanted

    if not TYPE_CHECKING:
        __getattr__ = _refuse_missing

    def __init__(
        self,
        shape: tuple[int, ...],
        initializer: Initializer,
        *,
        columns: tuple[int, ...] = (),
    ) -> None:
        self.shape = tuple(plain(size) for size in shape)
        self.columns = tuple(plain(size) for size in columns)
        if columns and (len(self.shape) != 2 or sum(self.columns) != self.shape[1]):
            raise ValueError(f"columns={columns} do not add up to a matrix of shape {self.shape}")
        self._initializer = initializer

    @property
    def grad(self) -> Array:
        """The gradient accumulated by backward passes, an array ``shape``."""
        return self.accumulator.array  # type: ignore[union-attr] # NOT_WANTED has none

    @grad.setter
    def grad(self, grad: Array) -> None:
        self.accumulator = Accumulator(grad)

    @property
    def is_frozen(self) -> bool:
        """Whether the parameter is frozen: training does not change it, it has no gradient."""
        return self.accumulator is NOT_WANTED

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def decays(self) -> bool:
        """Whether weight decay applies: it does to matrices, not to biases and layer norms."""
        return len(self.shape) > 1

    def initialize(self, rng: np.random.Generator) -> None:
        self._initializer(self.value, rng)


class Span(NamedTuple):
    """The slices of consecutive trained parameters in the flat arrays."""

    values: slice
    grads: slice  # of gradients and moments


class ParameterStore:
    """All parameters of a model in one flat array, and their gradients in a second one.

    So the optimizer is one loop, the norm of the gradient needs one pass, and a copy is one
    assignment. Matrices come first: weight decay applies to ``values[:n_decay]``. The first of them
    are the linear maps inside the model, so that two optimizers can divide the flat arrays at one
    place. Each parameter starts at a multiple of 64 bytes; the gaps stay zero in values and
    gradients.

    The flat gradients, and the moments of an optimizer, contain only the trained parameters: see
    :meth:`freeze`. If no parameter is frozen, they have the layout of the values.

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
        self._order = sorted(named, key=lambda n: (not named[n].decays, not named[n].columns))
        self._offsets, total = self._layout(self._order)
        matrices = [name for name in named if named[name].decays]
        self.n_decay = self._layout(matrices)[1]
        self.values = aligned_zeros(total, self.dtype)
        for name, value in self.value_views(self.values).items():
            named[name].value = value
        self.freeze(())

    def freeze(self, names: Collection[str]) -> None:
        """Freeze these parameters, which get no memory for gradients or moments; train all others.

        Gradients accumulated so far are discarded.

        Parameters
        ----------
        names : collection of str
            Names of parameters. An empty collection unfreezes all parameters.
        """
        self.trained = [name for name in self._order if name not in names]
        self.grad_offsets, total = self._layout(self.trained)
        self._grads = aligned_zeros(total, self.dtype, self.values)  # no memory until written
        views = self.grad_views(self._grads)
        for name, parameter in self.named.items():
            parameter.accumulator = Accumulator(views[name]) if name in views else NOT_WANTED
        # A step needs both, and they do not change from step to step.
        self.trained_spans = self._spans()
        self._grad_gaps = self._gaps()

    @property
    def frozen(self) -> set[str]:
        """Names of the frozen parameters."""
        return set(self.named) - set(self.trained)

    @property
    def grads(self) -> Array:
        """Gradients of all trained parameters, flat (n,)."""
        for name in self.trained:
            self.named[name].grad  # noqa: B018 (reading it writes any pending zeros)
        return self._grads

    def value_views(self, flat: Array) -> dict[str, Array]:
        """Return one view per parameter of a flat array with the layout of ``values``."""
        return self._views(flat, self._offsets)

    def grad_views(self, flat: Array) -> dict[str, Array]:
        """Return one view per trained parameter of a flat array with the layout of ``grads``."""
        return self._views(flat, self.grad_offsets)

    def _spans(self) -> list[Span]:
        """Slices of the trained parameters in the flat arrays, in as few spans as possible.

        A span includes the gaps after its parameters.
        """
        spans: list[Span] = []
        for name in self.trained:
            size = self.padded_size(name)
            start, grad_start = self._offsets[name], self.grad_offsets[name]
            if spans and spans[-1].values.stop == start:
                before = spans.pop()
                size += start - before.values.start
                start, grad_start = before.values.start, before.grads.start
            spans.append(Span(slice(start, start + size), slice(grad_start, grad_start + size)))
        return spans

    def _gaps(self) -> list[slice]:
        """Return the gaps between the gradients, which exist for alignment."""
        ends = [self.grad_offsets[name] + self.named[name].size for name in self.trained]
        gaps = [slice(end, end + -end % self._step) for end in ends]
        return [gap for gap in gaps if gap.stop > gap.start]

    @property
    def size(self) -> int:
        """Total number of elements of the parameters, without gaps."""
        return sum(parameter.size for parameter in self.named.values())

    def zero_grad(self) -> None:
        """Set all gradients to zero."""
        for name in self.trained:
            self.named[name].accumulator.clear()  # type: ignore[union-attr] # it is trained
        for gap in self._grad_gaps:
            self._grads[gap] = 0

    def _layout(self, names: Sequence[str]) -> tuple[dict[str, int], int]:
        """Return the start of each parameter in a flat array of ``names``, and the array's size."""
        offsets, total = {}, 0
        for name in names:
            offsets[name] = total
            total += self.padded_size(name)
        return offsets, total

    @property
    def _step(self) -> int:
        """The alignment of parameters, in elements."""
        return ALIGNMENT // math.gcd(ALIGNMENT, self.dtype.itemsize)

    def padded_size(self, name: str) -> int:
        """Return the number of elements of a parameter, with the gap after it."""
        size = self.named[name].size
        return size + -size % self._step

    def _views(self, flat: Array, offsets: dict[str, int]) -> dict[str, Array]:
        return {
            name: flat[offsets[name] : offsets[name] + parameter.size].reshape(parameter.shape)
            for name, parameter in self.named.items()
            if name in offsets
        }


class Layer:
    """Base class of layers, which own parameters directly or through layers in their attributes.

    A layer stores nothing about a forward pass: ``forward`` returns what ``backward`` needs, and
    ``backward`` adds the gradients of the parameters to ``parameter.grad`` and returns the
    gradients of the inputs. So one layer may run many times before a backward pass.
    """

    store: ParameterStore

    if not TYPE_CHECKING:
        __getattr__ = _refuse_missing

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Yield each parameter with its dotted name, in the order of declaration.

        A parameter that is used twice (a tied head) is listed once, under its first name.
        """
        seen = set()
        for name, attribute in self._attributes():
            if isinstance(attribute, Parameter) and id(attribute) not in seen:
                seen.add(id(attribute))
                yield name, attribute

    def named_layers(self) -> Iterator[tuple[str, "Layer"]]:
        """Yield each layer with its dotted path, starting with this layer under ``""``.

        A layer that is used twice is listed once, under its first path.
        """
        yield "", self
        seen = {id(self)}
        for path, attribute in self._attributes():
            if isinstance(attribute, Layer) and id(attribute) not in seen:
                seen.add(id(attribute))
                yield path, attribute

    def _attributes(self, prefix: str = "") -> Iterator[tuple[str, "Parameter | Layer"]]:
        """Yield all descendants, each layer before its parts, as often as they are used."""
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
        """Allocate and initialize the parameters; return the layer itself.

        Without a seed, the parameters are zeros, for callers that load other values afterwards;
        memory that is never written costs nothing.

        Each parameter has its own random stream, which depends on the seed and its name.
        """
        named = dict(self.named_parameters())
        self.store = ParameterStore(named, dtype)
        if seed is not None:
            for name, parameter in named.items():
                parameter.initialize(random_stream(seed, "init", name))
        return self
