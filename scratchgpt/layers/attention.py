"""Multi-head self-attention with its projections."""

from typing import NamedTuple

from scratchgpt.backend import Array
from scratchgpt.layers.kv_cache import LayerCache
from scratchgpt.layers.linear import Linear
from scratchgpt.layers.parameters import Layer
from scratchgpt.memory import empty
from scratchgpt.ops.attention import (
    AttentionSaved,
    FlashAttentionSaved,
    attention_backward,
    attention_forward,
)
from scratchgpt.ops.linear import LinearSaved


class SelfAttentionSaved(NamedTuple):
    c_attn: LinearSaved
    attention: AttentionSaved | FlashAttentionSaved
    c_proj: LinearSaved


class CausalSelfAttention(Layer):
    """Every position looks back at itself and at those before it, with H heads at once.

    One linear map makes queries, keys and values of all heads side by side: its output has 3C
    channels, [q | k | v], and each third is H heads of D = C / H channels.

    Parameters
    ----------
    n_embd : int
        C.
    n_head : int
        H, a divisor of C.
    dropout : float
        On the attention weights, in training.
    bias : bool
    proj_std : float
        Standard deviation of the initial weight of the output projection.
    """

    def __init__(
        self, n_embd: int, n_head: int, *, dropout: float, bias: bool, proj_std: float
    ) -> None:
        self.c_attn = Linear(n_embd, 3 * n_embd, bias=bias)
        self.c_proj = Linear(n_embd, n_embd, bias=bias, std=proj_std)
        self.n_head = n_head
        self.dropout = dropout

    def forward(
        self, x: Array, dropout_seed: int | None = None
    ) -> tuple[Array, SelfAttentionSaved]:
        """x (B, T, C) -> y (B, T, C).

        Parameters
        ----------
        x : array (B, T, C)
        dropout_seed : int, optional
            None: evaluation, nothing is dropped.
        """
        qkv, c_attn = self.c_attn.forward(x)  # (B, T, 3C)
        q, k, v = self._split_heads(qkv)  # 3 views (B, H, T, D)
        p, seed = (0.0, 0) if dropout_seed is None else (self.dropout, dropout_seed)
        merged = empty(x.shape, like=x)  # (B, T, C)
        _, attention = attention_forward(
            q, k, v, causal=True, dropout_p=p, dropout_seed=seed, y=self._heads(merged)
        )
        y, c_proj = self.c_proj.forward(merged)  # (B, T, C)
        return y, SelfAttentionSaved(c_attn, attention, c_proj)

    def backward(self, dy: Array, saved: SelfAttentionSaved) -> Array:
        """dy (B, T, C) -> dx (B, T, C)."""
        dmerged = self.c_proj.backward(dy, saved.c_proj)  # (B, T, C)
        dqkv = empty((*dy.shape[:-1], 3 * dy.shape[-1]), like=dy)  # (B, T, 3C)
        attention_backward(self._heads(dmerged), saved.attention, *self._split_heads(dqkv))
        return self.c_attn.backward(dqkv, saved.c_attn)

    def extend(self, x: Array, cache: LayerCache, mask: Array) -> Array:
        """Attention of new positions to all so far, for generation; nothing is saved.

        Parameters
        ----------
        x : array (B, T, C)
            The new positions of each row.
        cache : LayerCache
            Keys and values of this layer; those of the new positions are written to it.
        mask : bool array (B, 1, T, S)
            Which of the S cached positions each new one may see.

        Returns
        -------
        y : array (B, T, C)
        """
        qkv, _ = self.c_attn.forward(x)
        q, k, v = self._split_heads(qkv)
        keys, values = cache.write(k, v, n_visible=mask.shape[-1])  # (B, H, S, D)
        merged = empty(x.shape, like=x)  # (B, T, C)
        attention_forward(q, keys, values, mask=mask, y=self._heads(merged))
        return self.c_proj.forward(merged)[0]

    def _heads(self, x: Array) -> Array:
        """(B, T, C) -> a view (B, H, T, D)."""
        return x.reshape(*x.shape[:-1], self.n_head, -1).swapaxes(1, 2)

    def _split_heads(self, qkv: Array) -> tuple[Array, Array, Array]:
        """(B, T, 3C) -> views q, k, v, each (B, H, T, D)."""
        n_batch, n_time, _ = qkv.shape
        parts = qkv.reshape(n_batch, n_time, 3, self.n_head, -1).transpose(2, 0, 3, 1, 4)
        return parts[0], parts[1], parts[2]
