"""A stack of blocks: the body of a GPT, an encoder or a decoder."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from scratchgpt.backend import Array
from scratchgpt.layers.dropout import seed_for
from scratchgpt.layers.parameters import Layer
from scratchgpt.layers.recompute import (
    AnyBlock,
    RecomputeSaved,
    recompute_backward,
    recompute_forward,
)
from scratchgpt.layers.sublayer import Norm, NormSaved
from scratchgpt.memory import empty_like, scope


class StackSaved(NamedTuple):
    h: list[Any]  # BlockSaved, DecoderBlockSaved or RecomputeSaved
    ln_f: NormSaved | None


class BlockStack(Layer):
    """A sequence of blocks, followed by a final norm if the blocks are pre-norm.

    Parameters
    ----------
    h : sequence of Block or DecoderBlock
    ln_f : LayerNorm, RMSNorm or None
    """

    def __init__(self, h: Sequence[AnyBlock], ln_f: Norm | None) -> None:
        self.h: list[AnyBlock] = list(h)
        self.ln_f = ln_f

    def forward(
        self,
        x: Array,
        *memory: Array,
        dropout_seed: int | None = None,
        recompute: bool = False,
        **settings: Any,
    ) -> tuple[Array, StackSaved]:
        """x (B, T, C), and the memory (B, S, C) of decoder blocks -> y (B, T, C).

        Parameters
        ----------
        x, memory : array
        dropout_seed : int, optional
            Random seed of the dropout mask; None disables dropout, as in evaluation.
        recompute : bool
            Save only the input of each block, and recompute the rest in the backward pass.
        **settings
            What the blocks take besides: masks, and the rotation of the positions.
        """
        h: list[Any] = []
        for i, block in enumerate(self.h):  # 1
            seed = seed_for(dropout_seed, "h", i)
            if recompute:
                x, saved = recompute_forward(block, x, *memory, dropout_seed=seed, **settings)
            else:
                x, saved = block.forward(x, *memory, dropout_seed=seed, **settings)
            h.append(saved)
        ln_f = None
        if self.ln_f:
            x, ln_f = self.ln_f.forward(x)  # 2
        return x, StackSaved(h, ln_f)

    def backward(self, dy: Array, saved: StackSaved, *, dmemory_into: Array | None = None) -> Array:
        """dy (B, T, C) -> dx (B, T, C).

        Every block attends to the memory, so the gradient of the memory is a sum over blocks.

        Parameters
        ----------
        dy : array (B, T, C)
        saved : StackSaved
        dmemory_into : array (B, S, C), optional
            The gradient of the memory of decoder blocks is added to this.
        """
        dx = empty_like(dy)
        with scope():
            dx[...] = self.ln_f.backward(dy, saved.ln_f) if self.ln_f and saved.ln_f else dy  # 2
        for block, block_saved in zip(reversed(self.h), reversed(saved.h), strict=True):  # undoes 1
            with scope():  # release the arrays of one block's backward before the next
                if isinstance(block_saved, RecomputeSaved):
                    gradients = recompute_backward(block, dx, block_saved)
                else:
                    gradients = block.backward(dx, block_saved)
                if dmemory_into is None:
                    dx[...] = gradients
                else:
                    dx[...], dmemory = gradients
                    dmemory_into += dmemory
        return dx

    def extend(self, x: Array, caches: Iterable[Sequence[Any]]) -> Array:
        """New positions x (B, T, C) -> y (B, T, C), for generation; nothing is saved.

        Parameters
        ----------
        x : array (B, T, C)
            Overwritten.
        caches : iterable
            For each block, the further arguments of its ``extend``.
        """
        for block, cache in zip(self.h, caches, strict=True):
            with scope():  # the next block reuses the memory of this one
                x[...] = block.extend(x, *cache)
        return self.ln_f.forward(x)[0] if self.ln_f else x
