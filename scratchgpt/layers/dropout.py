"""Dropout that is off in evaluation."""

from scratchgpt.backend import Array, derive_seed
from scratchgpt.layers.parameters import Layer
from scratchgpt.ops.dropout import DropoutSaved, dropout_backward, dropout_forward


class Dropout(Layer):
    """Drops elements with probability p where a seed is given; without one it passes x through."""

    def __init__(self, p: float) -> None:
        self.p = p

    def forward(
        self, x: Array, seed: int | None = None, *, y_out: Array | None = None
    ) -> tuple[Array, DropoutSaved]:
        """x (...) -> y (...), which overwrites ``y_out``; x itself if nothing is dropped."""
        if seed is None or self.p == 0:
            return x, DropoutSaved(0.0, 0)
        return dropout_forward(x, self.p, seed, y_out=y_out)

    def backward(self, dy: Array, saved: DropoutSaved) -> Array:
        """dy (...) -> dx (...); dx is dy itself where nothing was dropped."""
        return dy if saved.p == 0 else dropout_backward(dy, saved)


def seed_for(seed: int | None, *names: str | int) -> int | None:
    """The seed of one of the places that drop; None, and nothing is dropped, without a seed."""
    return None if seed is None else derive_seed(seed, *names)
