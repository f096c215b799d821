"""Output head: one logit per token of the vocabulary."""

from typing import NamedTuple

from scratchgpt.backend import Array
from scratchgpt.layers.parameters import Layer, Parameter
from scratchgpt.ops.linear import LinearSaved, linear_backward, linear_forward
from scratchgpt.ops.soft_cap import SoftCapSaved, soft_cap_backward, soft_cap_forward


class HeadSaved(NamedTuple):
    linear: LinearSaved
    soft_cap: SoftCapSaved | None


class Head(Layer):
    r"""Logits :math:`z = x W^\top` for a table W (V, C) with the layout of an embedding.

    Parameters
    ----------
    weight : Parameter (V, C)
        If head and embedding are tied (Press and Wolf 2016, arXiv:1608.05859), this is the weight
        of the token embedding, and both layers add to the same gradient.
    soft_cap : float, optional
        Limit of the logits; see :func:`scratchgpt.ops.soft_cap_forward`.
    """

    def __init__(self, weight: Parameter, *, soft_cap: float | None = None) -> None:
        self.weight = weight
        self.soft_cap = soft_cap

    def forward(self, x: Array) -> tuple[Array, HeadSaved]:
        """x (..., C) -> logits (..., V)."""
        logits, linear = linear_forward(x, self.weight.value.T)  # 1
        if self.soft_cap is None:
            return logits, HeadSaved(linear, None)
        capped, soft_cap = soft_cap_forward(logits, self.soft_cap)  # 2
        # The loss may overwrite the logits with their gradient; the backward pass needs them.
        logits[...] = capped
        return logits, HeadSaved(linear, soft_cap)

    def backward(self, dlogits: Array, saved: HeadSaved) -> Array:
        """dlogits (..., V) -> dx (..., C)."""
        if saved.soft_cap:
            dlogits = soft_cap_backward(dlogits, saved.soft_cap)  # undoes 2
        dx, _, _ = linear_backward(
            dlogits, saved.linear, dweight_into=self.weight.accumulator.T
        )  # 1
        return dx
