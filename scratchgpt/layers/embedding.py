"""Embedding layer."""

from scratchgpt.backend import Array
from scratchgpt.layers.parameters import Layer, Parameter, normal
from scratchgpt.ops.embedding import EmbeddingSaved, embedding_backward, embedding_forward


class Embedding(Layer):
    """Table with one row of channels per token (or position).

    Parameters
    ----------
    n_rows, n_channels : int
    std : float
        Standard deviation of the initial table.
    """

    def __init__(self, n_rows: int, n_channels: int, *, std: float = 0.02) -> None:
        self.weight = Parameter((n_rows, n_channels), normal(std))

    def forward(self, tokens: Array, *, in_range: bool = False) -> tuple[Array, EmbeddingSaved]:
        """tokens (...) -> y (..., C); see ``embedding_forward``."""
        return embedding_forward(tokens, self.weight.value, in_range=in_range)

    def backward(self, dy: Array, saved: EmbeddingSaved) -> None:
        """dy (..., C); token ids have no gradient."""
        embedding_backward(dy, saved, dweight_into=self.weight.accumulator)
