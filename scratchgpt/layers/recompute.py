"""Recomputation, also called activation checkpointing (Chen et al. 2016, arXiv:1604.06174).

Only the input of a block is saved. When the backward pass needs the activations, it runs the
forward pass of the block again. This stores the activations of one block instead of all blocks, at
the cost of one additional forward pass. Dropout masks are functions of a seed, so the second pass
repeats the first one bit for bit.
"""

from typing import Any, NamedTuple, Protocol

from scratchgpt.backend import Array
from scratchgpt.memory import empty_like, scope


class AnyBlock(Protocol):
    """A :class:`Block` or a :class:`DecoderBlock`, which differ in their inputs.

    ``backward`` returns dx, or dx and the gradient of the memory.
    """

    def forward(self, x: Array, *memory: Any, **settings: Any) -> tuple[Array, Any]: ...

    def backward(self, dy: Array, saved: Any) -> Array | tuple[Array, ...]: ...

    def extend(self, x: Array, *caches: Any, **settings: Any) -> Array: ...


class RecomputeSaved(NamedTuple):
    x: Array  # (B, T, C)
    others: tuple[Array, ...]  # the memory (B, S, C) of a decoder block
    settings: dict[str, Any]


def recompute_forward(
    block: AnyBlock, x: Array, *others: Array, **settings: Any
) -> tuple[Array, RecomputeSaved]:
    """Run ``block.forward(x, *others, **settings)`` and save only its inputs.

    Parameters
    ----------
    block : Block or DecoderBlock
    x : array (B, T, C)
    *others : arrays
        The memory (B, S, C) of a decoder block.
    **settings
        The seed of the dropout mask, and masks.
    """
    y = empty_like(x)
    with scope():
        y[...] = block.forward(x, *others, **settings)[0]
    return y, RecomputeSaved(x, others, settings)


def recompute_backward(
    block: AnyBlock, dy: Array, saved: RecomputeSaved
) -> Array | tuple[Array, ...]:
    """Run the forward pass again, then ``block.backward``."""
    gradients = tuple(empty_like(x) for x in (saved.x, *saved.others))
    with scope():
        _, block_saved = block.forward(saved.x, *saved.others, **saved.settings)
        found = block.backward(dy, block_saved)
        found = found if isinstance(found, tuple) else (found,)
        for gradient, value in zip(gradients, found, strict=True):
            gradient[...] = value
    return gradients if saved.others else gradients[0]
