"""Output head: one logit per token of the vocabulary."""

from scratchgpt.backend import Array
from scratchgpt.layers.parameters import Layer, Parameter
from scratchgpt.ops.linear import LinearSaved, linear_backward, linear_forward


class Head(Layer):
    r"""Logits :math:`z = x W^\top` for a table W (V, C) with the layout of an embedding.

    Parameters
    ----------
    weight : Parameter (V, C)
        If head and embedding are tied (Press and Wolf 2016, arXiv:1608.05859), this is the weight
        of the token embedding, and both layers add to the same gradient.
    """

    def __init__(self, weight: Parameter) -> None:
        self.weight = weight

    def forward(self, x: Array) -> tuple[Array, LinearSaved]:
        """x (..., C) -> logits (..., V)."""
        return linear_forward(x, self.weight.value.T)

    def backward(self, dlogits: Array, saved: LinearSaved) -> Array:
        """dlogits (..., V) -> dx (..., C)."""
        dx, _, _ = linear_backward(dlogits, saved, dweight_into=self.weight.accumulator.T)
        return dx
