"""Recomputation, also called activation checkpointing (Chen et al. 2016, arXiv:1604.06174).

Keep the input of a block alone, and run its forward pass again when the backward pass needs what
it would have saved. Memory for the activations of one block instead of all, for one forward pass
more. Dropout masks are functions of a seed, so the second pass is the first one bit for bit.
"""

from typing import Any, NamedTuple, Protocol

from scratchgpt.backend import Array
from scratchgpt.memory import empty_like, scope


class AnyBlock(Protocol):
    """:class:`Block` or :class:`DecoderBlock`, which differ in their inputs.

    ``backward`` returns dx, or dx and the gradient of the memory.
    """

    def forward(self, x: Array, *memory: Any, **settings: Any) -> tuple[Array, Any]: ...

    def backward(self, dy: Array, saved: Any) -> Array | tuple[Array, ...]: ...

    def extend(self, x: Array, *caches: Any, **settings: Any) -> Array: ...


class RecomputeSaved(NamedTuple):
    x: Array  # (B, T, C)
    others: tuple[Array, ...]  # a memory (B, S, C) where there is one
    settings: dict[str, Any]


def recompute_forward(
    block: AnyBlock, x: Array, *others: Array, **settings: Any
) -> tuple[Array, RecomputeSaved]:
    """``block.forward(x, *others, **settings)``, keeping the inputs alone.

    Parameters
    ----------
    block : Block or DecoderBlock
    x : array (B, T, C)
    *others : arrays
        A memory (B, S, C) where the block looks at one.
    **settings
        The seed of dropout, and masks.
    """
    y = empty_like(x)
    with scope():
        y[...] = block.forward(x, *others, **settings)[0]
    return y, RecomputeSaved(x, others, settings)


def recompute_backward(
    block: AnyBlock, dy: Array, saved: RecomputeSaved
) -> Array | tuple[Array, ...]:
    """``block.backward``, after running the forward pass again."""
    gradients = tuple(empty_like(x) for x in (saved.x, *saved.others))
    with scope():
        _, block_saved = block.forward(saved.x, *saved.others, **saved.settings)
        found = block.backward(dy, block_saved)
        found = found if isinstance(found, tuple) else (found,)
        for gradient, value in zip(gradients, found, strict=True):
            gradient[...] = value
    return gradients if saved.others else gradients[0]
