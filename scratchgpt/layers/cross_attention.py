"""Multi-head cross-attention, with its linear projections."""

from typing import NamedTuple

from scratchgpt.backend import Array
from scratchgpt.layers.attention import AttentionCache, heads, split_heads
from scratchgpt.layers.linear import Linear
from scratchgpt.layers.masks import UNMASKED, Masks
from scratchgpt.layers.parameters import Layer
from scratchgpt.memory import empty
from scratchgpt.ops.attention import (
    AttentionSaved,
    FlashAttentionSaved,
    attention_backward,
    attention_forward,
)
from scratchgpt.ops.linear import LinearSaved
from scratchgpt.recomputed import Recomputed, kept


class CrossAttentionSaved(NamedTuple):
    c_q: LinearSaved
    c_kv: LinearSaved
    attention: AttentionSaved | FlashAttentionSaved
    c_proj: LinearSaved

    def with_input(self, x: Array | Recomputed) -> "CrossAttentionSaved":
        """Return a copy of this object with another x."""
        return self._replace(c_q=self.c_q._replace(x=x))


class CrossAttention(Layer):
    """Multi-head cross-attention: every position of a text attends to another text, the memory.

    One linear map computes the queries from the text; another computes keys and values together
    from the memory.

    Parameters
    ----------
    n_embd, n_head, dropout, bias, std, proj_std
        As in :class:`SelfAttention`.
    """

    def __init__(
        self,
        n_embd: int,
        n_head: int,
        *,
        dropout: float,
        bias: bool,
        proj_std: float | None,
        std: float | None = 0.02,
    ) -> None:
        self.c_q = Linear(n_embd, n_embd, bias=bias, std=std)
        self.c_kv = Linear(n_embd, 2 * n_embd, bias=bias, std=std)
        self.c_proj = Linear(n_embd, n_embd, bias=bias, std=proj_std)
        self.n_head = n_head
        self.dropout = dropout

    def forward(
        self,
        x: Array,
        memory: Array,
        dropout_seed: int | None = None,
        masks: Masks = UNMASKED,
    ) -> tuple[Array, CrossAttentionSaved]:
        """x (B, T, C) and memory (B, S, C) -> y (B, T, C).

        Parameters
        ----------
        x : array (B, T, C)
        memory : array (B, S, C)
        dropout_seed : int, optional
            Random seed of the dropout mask; None disables dropout, as in evaluation.
        masks : Masks
            By default every position may attend to every position of the memory.
        """
        q, c_q = self.c_q.forward(x)  # (B, T, C)
        kv, c_kv = self.c_kv.forward(memory)  # (B, S, 2C)
        k, v = split_heads(kv, 2, self.n_head)  # 2 views (B, H, S, D)
        p, seed = (0.0, 0) if dropout_seed is None else (self.dropout, dropout_seed)
        merged = empty(x.shape, like=x)  # (B, T, C)
        q_heads, y_heads = heads(q, self.n_head), heads(merged, self.n_head)
        _, attention = attention_forward(
            q_heads, k, v, *masks, dropout_p=p, dropout_seed=seed, y_out=y_heads
        )
        y, c_proj = self.c_proj.forward(merged)  # (B, T, C)
        return y, CrossAttentionSaved(c_q, c_kv, attention, c_proj)

    def backward(self, dy: Array, saved: CrossAttentionSaved) -> tuple[Array, Array]:
        """dy (B, T, C) -> dx (B, T, C), dmemory (B, S, C)."""
        dmerged = self.c_proj.backward(dy, saved.c_proj)  # (B, T, C)
        memory = kept(saved.c_kv.x, "c_kv.x", "CrossAttention.backward")
        dq = empty(dy.shape, like=dy)  # (B, T, C)
        dkv = empty((*memory.shape[:-1], 2 * dy.shape[-1]), like=dy)  # (B, S, 2C)
        dk, dv = split_heads(dkv, 2, self.n_head)
        attention_backward(
            heads(dmerged, self.n_head),
            saved.attention,
            dq_out=heads(dq, self.n_head),
            dk_out=dk,
            dv_out=dv,
        )
        return self.c_q.backward(dq, saved.c_q), self.c_kv.backward(dkv, saved.c_kv)

    def extend(self, x: Array, memory: AttentionCache) -> Array:
        """Compute the attention of new positions to a memory whose keys and values are cached.

        Parameters
        ----------
        x : array (R, T, C)
        memory : AttentionCache

        Returns
        -------
        y : array (R, T, C)
        """
        q, _ = self.c_q.forward(x)
        merged = empty(x.shape, like=x)
        memory.attend(heads(q, self.n_head), heads(merged, self.n_head))
        return self.c_proj.forward(merged)[0]
