"""Norm and rotation of the queries and keys of self-attention."""

from typing import Literal, NamedTuple

from scratchgpt.backend import Array
from scratchgpt.layers.parameters import Layer
from scratchgpt.layers.rms_norm import RMSNorm
from scratchgpt.layers.rotary import Rotation
from scratchgpt.ops.rms_norm import RMSNormSaved
from scratchgpt.ops.rotary import RotarySaved, rotary_backward, rotary_forward

Which = Literal["q", "k"]


class PlacedSaved(NamedTuple):
    norm: RMSNormSaved | None
    rotary: RotarySaved | None


class QueryKey(Layer):
    """Prepare queries and keys for attention: normalize each head, rotate it by its position.

    Both steps are optional. The norm limits the scores (Henry et al. 2020, arXiv:2010.04245); Qwen3
    has it before the rotation, nanochat after it.

    Parameters
    ----------
    head_size : int, optional
        D. With it, there is a norm of the queries and one of the keys.
    weight : bool
        Whether these norms have a weight.
    eps : float
        Of these norms.
    rotate_first : bool
        Whether the rotation comes before the norm.
    """

    def __init__(
        self,
        head_size: int | None = None,
        *,
        weight: bool = True,
        eps: float = 1e-6,
        rotate_first: bool = False,
    ) -> None:
        self.q_norm = RMSNorm(head_size, weight=weight, eps=eps) if head_size else None
        self.k_norm = RMSNorm(head_size, weight=weight, eps=eps) if head_size else None
        self.rotate_first = rotate_first

    def forward(
        self, x: Array, which: Which, rotation: Rotation | None
    ) -> tuple[Array, PlacedSaved]:
        """x (B, H, T, D) -> y (B, H, T, D), a new array with a norm, and x itself without.

        Parameters
        ----------
        x : array (B, H, T, D)
            Overwritten, unless a norm comes first.
        which : {"q", "k"}
        rotation : Rotation or None
            None leaves x where it is.
        """
        norm = self._norm(which)
        normed = turned = None
        if norm and not self.rotate_first:
            x, normed = norm.forward(x)
        if rotation:
            x, turned = rotary_forward(x, *rotation, y_out=x)
        if norm and self.rotate_first:
            x, normed = norm.forward(x)
        return x, PlacedSaved(normed, turned)

    def backward(self, dy: Array, which: Which, saved: PlacedSaved, *, dx_out: Array) -> Array:
        """dy (B, H, T, D) -> dx (B, H, T, D), written to ``dx_out``, which may be dy.

        Parameters
        ----------
        dy : array (B, H, T, D)
            Overwritten.
        """
        norm = self._norm(which)
        dx = dy
        if norm and saved.norm and self.rotate_first:
            dx = norm.backward(dx, saved.norm, dx_out=dx)
        if saved.rotary:
            dx = rotary_backward(dx, saved.rotary, dx_out=dx)
        if norm and saved.norm and not self.rotate_first:
            dx = norm.backward(dx, saved.norm, dx_out=dx)
        if dx is not dx_out:
            dx_out[...] = dx
        return dx_out

    def _norm(self, which: Which) -> RMSNorm | None:
        return self.q_norm if which == "q" else self.k_norm
