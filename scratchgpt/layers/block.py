"""Transformer block of a GPT or an encoder, pre-norm or post-norm."""

from typing import NamedTuple

from scratchgpt.backend import Array
from scratchgpt.layers.attention import AttentionCache, SelfAttention, SelfAttentionSaved
from scratchgpt.layers.dropout import Dropout, seed_for
from scratchgpt.layers.layer_norm import LayerNorm
from scratchgpt.layers.masks import CAUSAL, Masks
from scratchgpt.layers.mlp import MLP, MLPSaved
from scratchgpt.layers.parameters import Layer
from scratchgpt.layers.sublayer import Stream, Sublayer, SublayerSaved
from scratchgpt.memory import empty_like, scope


class BlockSaved(NamedTuple):
    attn: SublayerSaved[SelfAttentionSaved]
    mlp: SublayerSaved[MLPSaved]


class Block(Layer):
    r"""Self-attention and feed-forward network, each with a residual connection.

    ``norm_position="pre"`` is GPT-2's block (Radford et al. 2019, section 2.3)::

        x = x + attn(ln_1(x))
        x = x + mlp(ln_2(x))

    ``norm_position="post"`` is the block of GPT-1 and of the 2017 Transformer::

        x = ln_1(x + attn(x))
        x = ln_2(x + mlp(x))

    Parameters
    ----------
    n_embd, n_head, n_inner : int
        C, H and F.
    dropout : float
        Dropout probability of the attention weights and of the output of both sublayers.
    bias : bool
    norm_position : {"pre", "post"}
    activation : {"gelu_tanh", "gelu", "relu"}
    layer_norm_epsilon : float
    std, proj_std : float, optional
        Standard deviations of the initial weights; ``proj_std`` is for the weights of the layers
        that write to the residual stream. See :class:`Linear`.
    attention_scale : float, optional
        Factor that multiplies the attention scores; by default :math:`1/\sqrt D`.
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
        attention_scale: float | None = None,
    ) -> None:
        self.ln_1 = LayerNorm(n_embd, bias=bias, eps=layer_norm_epsilon)
        self.attn = SelfAttention(
            n_embd,
            n_head,
            dropout=dropout,
            bias=bias,
            proj_std=proj_std,
            std=std,
            scale=attention_scale,
        )
        self.ln_2 = LayerNorm(n_embd, bias=bias, eps=layer_norm_epsilon)
        self.mlp = MLP(
            n_embd, n_inner, activation=activation, bias=bias, proj_std=proj_std, std=std
        )
        self.drop = Dropout(dropout)
        self.norm_position = norm_position
        self.sublayer_1 = Sublayer(self.ln_1, self.attn, self.drop, norm_position)
        self.sublayer_2 = Sublayer(self.ln_2, self.mlp, self.drop, norm_position)

    def forward(
        self, x: Array, dropout_seed: int | None = None, masks: Masks = CAUSAL
    ) -> tuple[Array, BlockSaved]:
        """x (B, T, C) -> y (B, T, C); a ``dropout_seed`` of None disables dropout."""
        attn_seed, drop_1, drop_2 = (
            seed_for(dropout_seed, name) for name in ("attn", "drop_1", "drop_2")
        )
        stream, attn = self.sublayer_1.forward(Stream(x), drop_1, attn_seed, masks)  # 1
        stream, mlp = self.sublayer_2.forward(stream, drop_2)  # 2
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

    def extend(self, x: Array, cache: AttentionCache) -> Array:
        """Apply the block to new positions x (B, T, C); see :meth:`SelfAttention.extend`."""
        return self.sublayer_2.extend(self.sublayer_1.extend(x, cache))
