"""Multi-head self-attention, with its linear projections."""

from typing import NamedTuple, Protocol

from scratchgpt.backend import Array
from scratchgpt.layers.linear import Linear
from scratchgpt.layers.masks import CAUSAL, Masks
from scratchgpt.layers.parameters import Layer
from scratchgpt.layers.query_key import PlacedSaved, QueryKey
from scratchgpt.layers.rotary import Rotation
from scratchgpt.memory import empty
from scratchgpt.ops.attention import (
    AttentionSaved,
    FlashAttentionSaved,
    attention_backward,
    attention_forward,
)
from scratchgpt.ops.linear import LinearSaved
from scratchgpt.recomputed import Recomputed


class AttentionCache(Protocol):
    """Cached keys and values for generation: :class:`LayerCache` or :class:`SharedLayer`."""

    def write(self, k: Array, v: Array) -> None:
        """Store the keys and values of new positions, each (B, K, T, D)."""

    def attend(
        self, q: Array, y: Array, scale: float | None = None, soft_cap: float | None = None
    ) -> None:
        """Write the attention output of the queries q (B, H, T, D) to y (B, H, T, D)."""


class SelfAttentionSaved(NamedTuple):
    c_attn: LinearSaved
    q: PlacedSaved
    k: PlacedSaved
    attention: AttentionSaved | FlashAttentionSaved
    c_proj: LinearSaved

    def with_input(self, x: Array | Recomputed) -> "SelfAttentionSaved":
        """Return a copy of this object with another x."""
        return self._replace(c_attn=self.c_attn._replace(x=x))


class SelfAttention(Layer):
    r"""Multi-head self-attention: every position attends to positions of the same text.

    One linear map computes queries, keys and values of all heads together: its output is
    [q | k | v]. The queries have H heads of D channels, the keys and values K heads; each key-value
    head serves a group of H / K query heads (Ainslie et al. 2023, arXiv:2305.13245).

    Parameters
    ----------
    n_embd : int
        C.
    n_head : int
        H.
    dropout : float
        Dropout probability of the attention weights during training.
    bias : bool
        Whether the map to queries, keys and values has a bias.
    std, proj_std : float, optional
        Standard deviations of the initial weights; ``proj_std`` is for the output projection.
        See :class:`Linear`.
    scale : float, optional
        Factor that multiplies the scores; by default :math:`1/\sqrt D`.
    n_kv_head : int, optional
        K, a divisor of H; by default H.
    head_size : int, optional
        D; by default C / H.
    proj_bias : bool, optional
        Whether the output projection has a bias; by default as ``bias``.
    query_key : QueryKey, optional
        Norm and rotation of queries and keys; by default neither.
    window : int, optional
        Number of positions that each position attends to, itself included; by default all before
        it.
    soft_cap : float, optional
        Limit of the scores; see :func:`scratchgpt.ops.soft_cap_forward`.
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
        scale: float | None = None,
        n_kv_head: int | None = None,
        head_size: int | None = None,
        proj_bias: bool | None = None,
        query_key: QueryKey | None = None,
        window: int | None = None,
        soft_cap: float | None = None,
    ) -> None:
        self.n_head = n_head
        self.n_kv_head = n_head if n_kv_head is None else n_kv_head
        self.head_size = n_embd // n_head if head_size is None else head_size
        n_queries, n_keys = n_head * self.head_size, self.n_kv_head * self.head_size
        self.c_attn = Linear(n_embd, n_queries + 2 * n_keys, bias=bias, std=std)
        self.query_key = query_key or QueryKey()
        proj_bias = bias if proj_bias is None else proj_bias
        self.c_proj = Linear(n_queries, n_embd, bias=proj_bias, std=proj_std)
        self.dropout = dropout
        self.scale = scale
        self.window = window
        self.soft_cap = soft_cap

    def forward(
        self,
        x: Array,
        dropout_seed: int | None = None,
        masks: Masks = CAUSAL,
        rotation: Rotation | None = None,
    ) -> tuple[Array, SelfAttentionSaved]:
        """x (B, T, C) -> y (B, T, C).

        Parameters
        ----------
        x : array (B, T, C)
        dropout_seed : int, optional
            Random seed of the dropout mask; None disables dropout, as in evaluation.
        masks : Masks
            By default causal: each position attends to itself and to the positions before it.
        rotation : Rotation, optional
            Of the positions, if queries and keys are rotated.
        """
        qkv, c_attn = self.c_attn.forward(x, dropout_seed)  # (B, T, (H + 2K) D) 1
        q, k, v = self._split(qkv)  # views (B, H, T, D), (B, K, T, D) twice
        q, q_saved = self.query_key.forward(q, "q", rotation)  # 2
        k, k_saved = self.query_key.forward(k, "k", rotation)
        p, seed = (0.0, 0) if dropout_seed is None else (self.dropout, dropout_seed)
        merged = empty((*x.shape[:-1], self.n_head * self.head_size), like=x)  # (B, T, H D)
        _, attention = attention_forward(
            q,
            k,
            v,
            *masks,
            dropout_p=p,
            dropout_seed=seed,
            scale=self.scale,
            window=self.window,
            soft_cap=self.soft_cap,
            y_out=heads(merged, self.n_head),
        )  # 3
        y, c_proj = self.c_proj.forward(merged, dropout_seed)  # (B, T, C) 4
        return y, SelfAttentionSaved(c_attn, q_saved, k_saved, attention, c_proj)

    def backward(self, dy: Array, saved: SelfAttentionSaved) -> Array:
        """dy (B, T, C) -> dx (B, T, C)."""
        dmerged = self.c_proj.backward(dy, saved.c_proj)  # (B, T, H D) undoes 4
        n_channels = (self.n_head + 2 * self.n_kv_head) * self.head_size
        dqkv = empty((*dy.shape[:-1], n_channels), like=dy)
        dq, dk, dv = self._split(dqkv)
        attention_backward(
            heads(dmerged, self.n_head), saved.attention, dq_out=dq, dk_out=dk, dv_out=dv
        )  # 3
        self.query_key.backward(dk, "k", saved.k, dx_out=dk)  # 2
        self.query_key.backward(dq, "q", saved.q, dx_out=dq)
        return self.c_attn.backward(dqkv, saved.c_attn)  # 1

    def extend(self, x: Array, cache: AttentionCache, rotation: Rotation | None = None) -> Array:
        """Compute the attention of new positions to all positions so far, for generation.

        Nothing is saved for a backward pass.

        Parameters
        ----------
        x : array (B, T, C)
            The new positions of each row.
        cache : AttentionCache
            Keys and values of this layer. The method adds those of the new positions.
        rotation : Rotation, optional
            Of the new positions.

        Returns
        -------
        y : array (B, T, C)
        """
        qkv, _ = self.c_attn.forward(x)
        q, k, v = self._split(qkv)
        q, _ = self.query_key.forward(q, "q", rotation)
        k, _ = self.query_key.forward(k, "k", rotation)
        cache.write(k, v)
        merged = empty((*x.shape[:-1], self.n_head * self.head_size), like=x)
        cache.attend(q, heads(merged, self.n_head), self.scale, self.soft_cap)
        return self.c_proj.forward(merged)[0]

    def _split(self, qkv: Array) -> tuple[Array, Array, Array]:
        """Return views of q (B, H, T, D), and of k and v (B, K, T, D)."""
        n_queries, n_keys = self.n_head * self.head_size, self.n_kv_head * self.head_size
        return (
            heads(qkv[..., :n_queries], self.n_head),
            heads(qkv[..., n_queries : n_queries + n_keys], self.n_kv_head),
            heads(qkv[..., n_queries + n_keys :], self.n_kv_head),
        )


def heads(x: Array, n_head: int) -> Array:
    """Return a view (B, H, T, D) of x (B, T, C)."""
    return x.reshape(*x.shape[:-1], n_head, -1).swapaxes(1, 2)


def split_heads(x: Array, n_parts: int, n_head: int) -> Array:
    """Split x (B, T, n C) into n parts of H heads: a view (n, B, H, T, D)."""
    n_batch, n_time, _ = x.shape
    return x.reshape(n_batch, n_time, n_parts, n_head, -1).transpose(2, 0, 3, 1, 4)
