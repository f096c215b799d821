"""Residual sublayers, the parts of every Transformer block."""

from collections.abc import Iterator
from typing import Any, Generic, NamedTuple, ParamSpec, Protocol, Self, TypeAlias, TypeVar

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.layers.dropout import Dropout
from scratchgpt.layers.parameters import Layer, Parameter
from scratchgpt.memory import borrow, empty_like, lending
from scratchgpt.ops.dropout import DropoutSaved
from scratchgpt.ops.layer_norm import LayerNormSaved
from scratchgpt.ops.residual import residual_forward
from scratchgpt.ops.rms_norm import RMSNormSaved
from scratchgpt.recomputed import Recomputed

NORM_OUTPUT = Recomputed("the output of the norm before it", "Sublayer.backward")

NormSaved: TypeAlias = LayerNormSaved | RMSNormSaved


class Norm(Protocol):
    """A :class:`LayerNorm` or an :class:`RMSNorm`."""

    def forward(self, x: Array, *, y_out: Array | None = None) -> tuple[Array, Any]: ...

    def forward_of_sum(
        self,
        x: Array,
        branch: Array,
        *,
        y_out: Array | None = None,
        n_out: Array | None = None,
    ) -> tuple[tuple[Array, Array], Any]: ...

    def backward(
        self,
        dy: Array,
        saved: Any,
        *,
        residual_gradient: Array | None = None,
        dx_out: Array | None = None,
    ) -> Array: ...

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]: ...


class BranchSaved(Protocol):
    """The ``saved`` of a branch."""

    def with_input(self, x: Array | Recomputed) -> Self:
        """Return a copy of this object with another x."""
        ...


Inputs = ParamSpec("Inputs")  # inputs of the forward pass of a branch, besides x
Caches = ParamSpec("Caches")  # inputs of its extend, besides x
Saved = TypeVar("Saved", bound=BranchSaved)


class Branch(Protocol[Inputs, Caches, Saved]):
    """The layer inside a sublayer: self-attention, cross-attention or feed-forward network.

    ``backward`` returns dx, or a tuple of dx and the gradients of the other arrays.
    """

    def forward(
        self, x: Array, *inputs: Inputs.args, **settings: Inputs.kwargs
    ) -> tuple[Array, Saved]: ...

    def backward(self, dy: Array, saved: Saved) -> Array | tuple[Array, ...]: ...

    def extend(self, x: Array, *caches: Caches.args, **settings: Caches.kwargs) -> Array: ...


class Stream(NamedTuple):
    """The residual stream between two sublayers: an array x, and a branch yet to be added to it.

    A pre-norm sublayer leaves the addition to the next sublayer, which computes the sum together
    with its layer norm in one pass over the rows.
    """

    x: Array  # (B, T, C)
    branch: Array | None = None  # (B, T, C)

    def sum(self) -> Array:
        """Return x + branch, written to the memory of the branch; x itself if branch is None."""
        if self.branch is None:
            return self.x
        return residual_forward(self.x, self.branch, y_out=self.branch)[0]


class PreNormSaved(NamedTuple, Generic[Saved]):
    norm: NormSaved
    branch: Saved  # its x, the output of the norm, is recomputed
    drop: DropoutSaved


class PostNormSaved(NamedTuple, Generic[Saved]):
    branch: Saved
    drop: DropoutSaved
    norm: NormSaved


SublayerSaved: TypeAlias = PreNormSaved[Saved] | PostNormSaved[Saved]


class Sublayer(Layer, Generic[Inputs, Caches, Saved]):
    """A branch with its residual connection, layer norm and dropout.

    ``norm_position="pre"`` is ``y = x + drop(branch(norm(x)))``, and ``"post"`` is
    ``y = norm(x + drop(branch(x)))``.

    Parameters
    ----------
    norm : LayerNorm or RMSNorm
    branch : SelfAttention, CrossAttention, MLP or GatedMLP
    drop : Dropout
    norm_position : {"pre", "post"}
    """

    def __init__(
        self,
        norm: Norm,
        branch: Branch[Inputs, Caches, Saved],
        drop: Dropout,
        norm_position: str,
    ) -> None:
        self.norm = norm
        self.branch = branch
        self.drop = drop
        self.norm_position = norm_position

    def forward(
        self,
        stream: Stream,
        drop_seed: int | None,
        *inputs: Inputs.args,
        **settings: Inputs.kwargs,
    ) -> tuple[Stream, SublayerSaved[Saved]]:
        """x (B, T, C) -> y (B, T, C), each a :class:`Stream`.

        Parameters
        ----------
        stream : Stream
            Its ``branch`` is overwritten.
        drop_seed : int or None
            Seed for the dropout after the branch; None disables dropout.
        *inputs, **settings
            Arguments of the forward pass of the branch, besides x.
        """
        x = stream.x
        # The backward pass does not need the output of a branch: dropout and the sum overwrite it.
        if self.norm_position == "post":
            a, branch = self.branch.forward(x, *inputs, **settings)  # 1
            a, drop = self.drop.forward(a, drop_seed, y_out=a)  # 2
            (_, y), norm = self.norm.forward_of_sum(x, a, y_out=a)  # 3 and 4
            return Stream(y), PostNormSaved(branch, drop, norm)

        with lending():  # release the norm's output; the backward pass recomputes it
            n = borrow(x.shape, like=x)
            if stream.branch is None:
                n, norm = self.norm.forward(x, y_out=n)  # 1
            else:  # 4 of the sublayer before, in one pass with 1
                before = stream.branch
                (x, n), norm = self.norm.forward_of_sum(x, before, y_out=before, n_out=n)
            a, branch = self.branch.forward(n, *inputs, **settings)  # 2
        a, drop = self.drop.forward(a, drop_seed, y_out=a)  # 3
        # The next sublayer computes step 4.
        return Stream(x, a), PreNormSaved(norm, branch.with_input(NORM_OUTPUT), drop)

    def backward(
        self, dy: Array, saved: SublayerSaved[Saved], *, dx_out: Array | None = None
    ) -> tuple[Array, ...]:
        """dy (B, T, C) -> dx (B, T, C), and the gradients of the other inputs of the branch.

        Both the branch and the residual connection use x, so the gradient of x is the sum of two.

        Parameters
        ----------
        dy : array (B, T, C)
        saved : PreNormSaved or PostNormSaved
        dx_out : array (B, T, C), optional
            Overwritten with dx.
        """
        dx = empty_like(dy) if dx_out is None else dx_out
        if isinstance(saved, PostNormSaved):
            dsum = self.norm.backward(dy, saved.norm)  # undoes 4
            da = self.drop.backward(dsum, saved.drop)  # 3 and 2
            dbranch, *others = _as_tuple(self.branch.backward(da, saved.branch))  # 1
            np.add(dsum, dbranch, out=dx)  # 3, past the branch, and 1
            return dx, *others

        da = self.drop.backward(dy, saved.drop)  # undoes 4 and 3
        n, _ = self.norm.forward(saved.norm.x)
        dn, *others = _as_tuple(self.branch.backward(da, saved.branch.with_input(n)))  # 2
        self.norm.backward(dn, saved.norm, residual_gradient=dy, dx_out=dx)  # 1, and 4 past it
        return dx, *others

    def extend(self, x: Array, *caches: Caches.args, **settings: Caches.kwargs) -> Array:
        """x (B, T, C) -> y (B, T, C), for generation; nothing is dropped or saved."""
        if self.norm_position == "post":
            return self.norm.forward(x + self.branch.extend(x, *caches, **settings))[0]
        return x + self.branch.extend(self.norm.forward(x)[0], *caches, **settings)


def _as_tuple(gradients: Array | tuple[Array, ...]) -> tuple[Array, ...]:
    return gradients if isinstance(gradients, tuple) else (gradients,)
