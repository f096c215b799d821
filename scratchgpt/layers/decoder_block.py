"""Transformer decoder block, which attends to the output of an encoder."""

from typing import NamedTuple

from scratchgpt.backend import Array
from scratchgpt.layers.attention import AttentionCache, SelfAttention, SelfAttentionSaved
from scratchgpt.layers.cross_attention import CrossAttention, CrossAttentionSaved
from scratchgpt.layers.dropout import Dropout, seed_for
from scratchgpt.layers.layer_norm import LayerNorm
from scratchgpt.layers.masks import CAUSAL, UNMASKED, Masks
from scratchgpt.layers.mlp import MLP, MLPSaved
from scratchgpt.layers.parameters import Layer
from scratchgpt.layers.sublayer import Stream, Sublayer, SublayerSaved
from scratchgpt.memory import empty_like, scope
from scratchgpt.recomputed import kept


class DecoderBlockSaved(NamedTuple):
    attn: SublayerSaved[SelfAttentionSaved]
    cross: SublayerSaved[CrossAttentionSaved]
    mlp: SublayerSaved[MLPSaved]


class DecoderBlock(Layer):
    """Self-attention, cross-attention and feed-forward network (Vaswani et al. 2017, section 3.1).

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
        As in :class:`Block`.
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
        self.sublayer_1 = Sublayer(self.ln_1, self.attn, self.drop, norm_position)
        self.sublayer_2 = Sublayer(self.ln_2, self.cross, self.drop, norm_position)
        self.sublayer_3 = Sublayer(self.ln_3, self.mlp, self.drop, norm_position)

    def forward(
        self,
        x: Array,
        memory: Array,
        dropout_seed: int | None = None,
        masks: Masks = CAUSAL,
        memory_masks: Masks = UNMASKED,
    ) -> tuple[Array, DecoderBlockSaved]:
        """x (B, T, C), memory (B, S, C) -> y (B, T, C); a seed of None disables dropout."""
        attn_seed, cross_seed, drop_1, drop_2, drop_3 = (
            seed_for(dropout_seed, name) for name in ("attn", "cross", "drop_1", "drop_2", "drop_3")
        )
        stream, attn = self.sublayer_1.forward(Stream(x), drop_1, attn_seed, masks)  # 1
        stream, cross = self.sublayer_2.forward(
            stream, drop_2, memory, cross_seed, memory_masks
        )  # 2
        stream, mlp = self.sublayer_3.forward(stream, drop_3)  # 3
        return stream.sum(), DecoderBlockSaved(attn, cross, mlp)

    def backward(self, dy: Array, saved: DecoderBlockSaved) -> tuple[Array, Array]:
        """dy (B, T, C) -> dx (B, T, C), dmemory (B, S, C)."""
        memory = kept(saved.cross.branch.c_kv.x, "cross.branch.c_kv.x", "DecoderBlock.backward")
        dx, dmemory = empty_like(dy), empty_like(memory)
        with scope():
            # Gradients of the stream between the three sublayers.
            dmid_1, dmid_2 = empty_like(dy), empty_like(dy)
            with scope():
                self.sublayer_3.backward(dy, saved.mlp, dx_out=dmid_2)  # undoes 3
            with scope():
                _, dmemory[...] = self.sublayer_2.backward(dmid_2, saved.cross, dx_out=dmid_1)  # 2
            self.sublayer_1.backward(dmid_1, saved.attn, dx_out=dx)  # 1
        return dx, dmemory

    def extend(self, x: Array, texts: AttentionCache, memory: AttentionCache) -> Array:
        """Apply the block to new positions x (R, T, C) of the texts, for generation."""
        x = self.sublayer_1.extend(x, texts)
        x = self.sublayer_2.extend(x, memory)
        return self.sublayer_3.extend(x)
