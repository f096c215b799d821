"""Dropout layer that is disabled in evaluation."""

from scratchgpt.backend import Array, derive_seed
from scratchgpt.layers.parameters import Layer
from scratchgpt.ops.dropout import DropoutSaved, dropout_backward, dropout_forward


class Dropout(Layer):
    """Zero elements with probability p if there is a seed; without a seed, return x unchanged."""

    def __init__(self, p: float) -> None:
        self.p = p

    def forward(
        self, x: Array, seed: int | None = None, *, y_out: Array | None = None
    ) -> tuple[Array, DropoutSaved]:
        """x (...) -> y (...), written to ``y_out``; without dropout, y is x itself."""
        if seed is None or self.p == 0:
            return x, DropoutSaved(0.0, 0)
        return dropout_forward(x, self.p, seed, y_out=y_out)

    def backward(self, dy: Array, saved: DropoutSaved) -> Array:
        """dy (...) -> dx (...); without dropout, dx is dy itself."""
        return dy if saved.p == 0 else dropout_backward(dy, saved)


def seed_for(seed: int | None, *names: str | int) -> int | None:
    """Derive the seed of the dropout layer called ``names``; None (no dropout) if seed is None."""
    return None if seed is None else derive_seed(seed, *names)
