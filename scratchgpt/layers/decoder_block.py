"""One block of a decoder that looks at an encoder's output."""

from typing import NamedTuple

from scratchgpt.backend import Array
from scratchgpt.layers.attention import (
    CrossAttention,
    CrossAttentionSaved,
    SelfAttention,
    SelfAttentionSaved,
)
from scratchgpt.layers.dropout import Dropout, seed_for
from scratchgpt.layers.layer_norm import LayerNorm
from scratchgpt.layers.masks import CAUSAL, UNMASKED, Masks
from scratchgpt.layers.mlp import MLP, MLPSaved
from scratchgpt.layers.parameters import Layer
from scratchgpt.layers.shared_cache import SharedLayer
from scratchgpt.layers.sublayer import (
    SublayerSaved,
    sublayers_backward,
    sublayers_extend,
    sublayers_forward,
)
from scratchgpt.memory import empty_like
from scratchgpt.ops.dropout import DropoutSaved
from scratchgpt.ops.layer_norm import LayerNormSaved


class DecoderBlockSaved(NamedTuple):
    ln_1: LayerNormSaved
    attn: SelfAttentionSaved
    drop_1: DropoutSaved
    ln_2: LayerNormSaved
    cross: CrossAttentionSaved
    drop_2: DropoutSaved
    ln_3: LayerNormSaved
    mlp: MLPSaved
    drop_3: DropoutSaved


class DecoderBlock(Layer):
    """Attention to itself, attention to a memory, feed-forward (Vaswani et al. 2017, section 3.1).

    With ``norm_position="post"``, as in the paper::

        x = ln_1(x + attn(x))
        x = ln_2(x + cross(x, memory))
        x = ln_3(x + mlp(x))

    and with ``"pre"``::

        x = x + attn(ln_1(x))
        x = x + cross(ln_2(x), memory)
        x = x + mlp(ln_3(x))

    Parameters
    ----------
    n_embd, n_head, n_inner, dropout, bias, norm_position, activation, layer_norm_epsilon
        As for :class:`Block`.
    std, proj_std : float, optional
        Standard deviations of the initial weights; see :class:`Block`.
    """

    def __init__(
        self,
        n_embd: int,
        n_head: int,
        n_inner: int,
        *,
        dropout: float,
        bias: bool,
        norm_position: str,
        activation: str,
        layer_norm_epsilon: float,
        proj_std: float | None,
        std: float | None = 0.02,
    ) -> None:
        self.ln_1 = LayerNorm(n_embd, bias=bias, eps=layer_norm_epsilon)
        self.attn = SelfAttention(
            n_embd, n_head, dropout=dropout, bias=bias, proj_std=proj_std, std=std
        )
        self.ln_2 = LayerNorm(n_embd, bias=bias, eps=layer_norm_epsilon)
        self.cross = CrossAttention(
            n_embd, n_head, dropout=dropout, bias=bias, proj_std=proj_std, std=std
        )
        self.ln_3 = LayerNorm(n_embd, bias=bias, eps=layer_norm_epsilon)
        self.mlp = MLP(
            n_embd, n_inner, activation=activation, bias=bias, proj_std=proj_std, std=std
        )
        self.drop = Dropout(dropout)
        self.norm_position = norm_position

    def forward(
        self,
        x: Array,
        memory: Array,
        dropout_seed: int | None = None,
        masks: Masks = CAUSAL,
        memory_masks: Masks = UNMASKED,
    ) -> tuple[Array, DecoderBlockSaved]:
        """x (B, T, C) and memory (B, S, C) -> y (B, T, C); without a seed nothing is dropped."""
        attn_seed, cross_seed, *seeds = (
            seed_for(dropout_seed, name) for name in ("attn", "cross", "drop_1", "drop_2", "drop_3")
        )
        thirds = (
            (self.ln_1, lambda n: self.attn.forward(n, attn_seed, masks)),
            (self.ln_2, lambda n: self.cross.forward(n, memory, cross_seed, memory_masks)),
            (self.ln_3, self.mlp.forward),
        )
        y, saved = sublayers_forward(x, thirds, self.drop, seeds, self.norm_position)
        return y, DecoderBlockSaved(*saved[0], *saved[1], *saved[2])

    def backward(self, dy: Array, saved: DecoderBlockSaved) -> tuple[Array, Array]:
        """dy (B, T, C) -> dx (B, T, C), dmemory (B, S, C)."""
        memory = saved.cross.c_kv.x
        assert memory is not None
        dmemory = empty_like(memory)

        def cross_backward(da: Array, kept: CrossAttentionSaved) -> Array:
            dn, dmemory[...] = self.cross.backward(da, kept)
            return dn

        kept = SublayerSaved(*saved[:3]), SublayerSaved(*saved[3:6]), SublayerSaved(*saved[6:])
        thirds = (
            (self.ln_1, self.attn.backward),
            (self.ln_2, cross_backward),
            (self.ln_3, self.mlp.backward),
        )
        return sublayers_backward(dy, kept, thirds, self.drop, self.norm_position), dmemory

    def extend(self, x: Array, texts: SharedLayer, memory: SharedLayer) -> Array:
        """New positions x (R, T, C) of texts through the block, for generation."""
        thirds = (
            (self.ln_1, lambda n: self.attn.extend_shared(n, texts)),
            (self.ln_2, lambda n: self.cross.extend(n, memory)),
            (self.ln_3, lambda n: self.mlp.forward(n)[0]),
        )
        return sublayers_extend(x, thirds, self.norm_position)
