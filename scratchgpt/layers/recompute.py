"""Recomputation, also called activation checkpointing (Chen et al. 2016, arXiv:1604.06174).

Keep the input of a block alone, and run its forward pass again when the backward pass needs what
it would have saved. Memory for the activations of one block instead of all, for one forward pass
more. Dropout masks are functions of a seed, so the second pass is the first one bit for bit.
"""

from typing import NamedTuple

from scratchgpt.backend import Array
from scratchgpt.layers.block import Block
from scratchgpt.memory import empty_like, scope


class RecomputeSaved(NamedTuple):
    x: Array  # (B, T, C)
    dropout_seed: int | None


def recompute_forward(
    block: Block, x: Array, dropout_seed: int | None = None
) -> tuple[Array, RecomputeSaved]:
    """``block.forward(x, dropout_seed)``, keeping its input alone."""
    y = empty_like(x)
    with scope():
        y[...] = block.forward(x, dropout_seed)[0]
    return y, RecomputeSaved(x, dropout_seed)


def recompute_backward(block: Block, dy: Array, saved: RecomputeSaved) -> Array:
    """``block.backward``, after running the forward pass again."""
    dx = empty_like(dy)
    with scope():
        _, block_saved = block.forward(saved.x, saved.dropout_seed)
        dx[...] = block.backward(dy, block_saved)
    return dx
