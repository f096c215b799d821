"""Transformer block of a GPT or an encoder, pre-norm or post-norm."""

from typing import Any, NamedTuple

from scratchgpt.backend import Array
from scratchgpt.layers.attention import AttentionCache, SelfAttention, SelfAttentionSaved
from scratchgpt.layers.dropout import Dropout, seed_for
from scratchgpt.layers.gated_mlp import GatedMLP, GatedMLPSaved
from scratchgpt.layers.masks import CAUSAL, Masks
from scratchgpt.layers.mlp import MLP, MLPSaved
from scratchgpt.layers.parameters import Layer
from scratchgpt.layers.rotary import Rotation
from scratchgpt.layers.sublayer import Norm, Stream, Sublayer, SublayerSaved
from scratchgpt.memory import empty_like, scope


class BlockSaved(NamedTuple):
    attn: SublayerSaved[SelfAttentionSaved]
    mlp: SublayerSaved[MLPSaved | GatedMLPSaved]


class Block(Layer):
    r"""Self-attention and feed-forward network, each with a residual connection.

    ``norm_position="pre"`` is GPT-2's block (Radford et al. 2019, section 2.3)::

        x = x + attn(ln_1(x))
        x = x + mlp(ln_2(x))

    ``norm_position="post"`` is the block of GPT-1 and of the 2017 Transformer::

        x = ln_1(x + attn(x))
        x = ln_2(x + mlp(x))

    The Llama family has the pre-norm block with other parts: RMS norms, rotary positions and a
    gated feed-forward network.

    Parameters
    ----------
    ln_1 : LayerNorm or RMSNorm
    attn : SelfAttention
    ln_2 : LayerNorm or RMSNorm
    mlp : MLP or GatedMLP
    dropout : float
        Dropout probability of the output of both sublayers.
    norm_position : {"pre", "post"}
    """

    def __init__(
        self,
        ln_1: Norm,
        attn: SelfAttention,
        ln_2: Norm,
        mlp: MLP | GatedMLP,
        *,
        dropout: float,
        norm_position: str,
    ) -> None:
        self.ln_1 = ln_1
        self.attn = attn
        self.ln_2 = ln_2
        self.mlp = mlp
        self.drop = Dropout(dropout)
        self.norm_position = norm_position
        self.sublayer_1 = Sublayer(self.ln_1, self.attn, self.drop, norm_position)
        self.sublayer_2: Sublayer[[int | None], [], Any] = Sublayer(
            self.ln_2, self.mlp, self.drop, norm_position
        )

    def forward(
        self,
        x: Array,
        dropout_seed: int | None = None,
        masks: Masks = CAUSAL,
        rotation: Rotation | None = None,
    ) -> tuple[Array, BlockSaved]:
        """x (B, T, C) -> y (B, T, C); a ``dropout_seed`` of None disables dropout."""
        attn_seed, drop_1, drop_2 = (
            seed_for(dropout_seed, name) for name in ("attn", "drop_1", "drop_2")
        )
        stream, attn = self.sublayer_1.forward(Stream(x), drop_1, attn_seed, masks, rotation)  # 1
        stream, mlp = self.sublayer_2.forward(stream, drop_2, dropout_seed)  # 2
        return stream.sum(), BlockSaved(attn, mlp)

    def backward(self, dy: Array, saved: BlockSaved) -> Array:
        """dy (B, T, C) -> dx (B, T, C)."""
        dx = empty_like(dy)
        with scope():
            dmid = empty_like(dy)  # gradient of the stream between the two sublayers
            with scope():
                self.sublayer_2.backward(dy, saved.mlp, dx_out=dmid)  # undoes 2
            self.sublayer_1.backward(dmid, saved.attn, dx_out=dx)  # 1
        return dx

    def extend(self, x: Array, cache: AttentionCache, rotation: Rotation | None = None) -> Array:
        """Apply the block to new positions x (B, T, C); see :meth:`SelfAttention.extend`."""
        return self.sublayer_2.extend(self.sublayer_1.extend(x, cache, rotation))
