"""Gated feed-forward network of a Transformer block."""

from typing import NamedTuple

from scratchgpt.backend import Array
from scratchgpt.layers.linear import Linear
from scratchgpt.layers.parameters import Layer
from scratchgpt.memory import borrow, lending
from scratchgpt.ops.gated_product import (
    GatedProductSaved,
    gated_product_backward,
    gated_product_forward,
)
from scratchgpt.ops.linear import LinearSaved
from scratchgpt.recomputed import Recomputed

PRODUCT = Recomputed("the gated product", "GatedMLP.backward")


class GatedMLPSaved(NamedTuple):
    c_fc: LinearSaved
    product: GatedProductSaved
    c_proj: LinearSaved  # its x, the gated product, is recomputed

    def with_input(self, x: Array | Recomputed) -> "GatedMLPSaved":
        """Return a copy of this object with another x."""
        return self._replace(c_fc=self.c_fc._replace(x=x))


class GatedMLP(Layer):
    """Gated feed-forward network: Linear(C, 2F), gated product, Linear(F, C).

    One linear map computes both factors: its output is [gate | up]. As in :class:`MLP`, the product
    is not saved; the backward pass recomputes it.

    Parameters
    ----------
    n_embd : int
        C.
    n_inner : int
        F, usually about 8/3 C, so that there are as many weights as in an MLP of width 4 C.
    activation : {"silu", "gelu_tanh", "gelu", "relu"}
        Of the gate.
    bias : bool
    std, proj_std : float, optional
        As in :class:`MLP`.
    """

    def __init__(
        self,
        n_embd: int,
        n_inner: int,
        *,
        activation: str,
        bias: bool,
        proj_std: float | None,
        std: float | None = 0.02,
    ) -> None:
        self.c_fc = Linear(n_embd, 2 * n_inner, bias=bias, std=std)
        self.c_proj = Linear(n_inner, n_embd, bias=bias, std=proj_std)
        self.activation = activation

    def forward(self, x: Array, dropout_seed: int | None = None) -> tuple[Array, GatedMLPSaved]:
        """x (..., C) -> y (..., C); only adapters use the seed (:class:`LoRALinear`)."""
        h, c_fc = self.c_fc.forward(x, dropout_seed)  # (..., 2F)
        with lending():
            product_out = borrow((*h.shape[:-1], h.shape[-1] // 2), like=h)
            a, product = gated_product_forward(h, self.activation, y_out=product_out)  # (..., F)
            y, c_proj = self.c_proj.forward(a, dropout_seed)  # (..., C)
        return y, GatedMLPSaved(c_fc, product, c_proj._replace(x=PRODUCT))

    def backward(self, dy: Array, saved: GatedMLPSaved) -> Array:
        """dy (..., C) -> dx (..., C)."""
        # One array (..., F) serves twice: for a, then for da.
        a, _ = gated_product_forward(saved.product.x, self.activation)
        da = self.c_proj.backward(dy, saved.c_proj._replace(x=a), dx_out=a)
        dh = gated_product_backward(da, saved.product)  # (..., 2F)
        return self.c_fc.backward(dh, saved.c_fc)

    def extend(self, x: Array) -> Array:
        """Apply the layer for generation: like :meth:`forward`, but nothing is saved."""
        return self.forward(x)[0]
