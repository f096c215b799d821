"""Scaled dot-product attention (Vaswani et al. 2017, arXiv:1706.03762, eq. 1)."""

import math
from typing import NamedTuple

import numpy as np

from scratchgpt.arguments import check_real, check_whole
from scratchgpt.backend import Array, check_arrays, check_upstream, same_dtype, use_kernels
from scratchgpt.memory import empty, empty_like, scope
from scratchgpt.ops.attention_masks import (
    add_masks,
    check_masks,
    check_shapes,
    check_soft_cap,
    check_window,
)
from scratchgpt.ops.dropout import check_probability, dropout_into
from scratchgpt.ops.observe import observed
from scratchgpt.ops.soft_cap import SoftCapSaved, soft_cap_backward, soft_cap_forward
from scratchgpt.ops.softmax import softmax_backward_into, softmax_into

FEWEST_QUERIES = 4  # with fewer queries, NumPy is faster than the compiled kernel


class AttentionSaved(NamedTuple):
    q: Array  # (..., H, T, D)
    k: Array  # (..., K, S, D)
    v: Array  # (..., K, S, E)
    weights: Array  # (..., H, T, S) the softmax, before dropout
    capped: Array | None  # (..., H, T, S) the scores before the masks, with a soft cap
    scale: float
    soft_cap: float | None
    dropout_p: float
    dropout_seed: int


class FlashAttentionSaved(NamedTuple):
    """``saved`` of the compiled kernel, with one number per query instead of all weights."""

    q: Array  # (B, H, T, D)
    k: Array  # (B, K, S, D)
    v: Array  # (B, K, S, E)
    y: Array  # (B, H, T, E)
    log_total: Array  # (B, H, T) log of the sum of the exponentials
    key_padding_mask: Array | None  # (B, S)
    causal: bool
    window: int | None
    soft_cap: float | None
    dropout_p: float
    dropout_seed: int
    scale: float


@observed
def attention_forward(
    q: Array,
    k: Array,
    v: Array,
    mask: Array | None = None,
    key_padding_mask: Array | None = None,
    causal: bool = False,
    dropout_p: float = 0.0,
    dropout_seed: int = 0,
    scale: float | None = None,
    window: int | None = None,
    soft_cap: float | None = None,
    *,
    y_out: Array | None = None,
) -> tuple[Array, AttentionSaved | FlashAttentionSaved]:
    r"""Scaled dot-product attention: an average of the values, weighted by similarity to the keys.

    .. math::
        S = \frac{Q K^\top}{\sqrt D} + M \qquad P = \mathrm{softmax}(S) \qquad
        O = \mathrm{dropout}(P)\,V

    There are T queries, and S keys and values. Queries and keys have D channels, values have E. The
    leading axes, usually (B, H), are equal in q, k and v; but the last of them, the heads, may be
    fewer in k and v: then each key-value head serves the H / K query heads of its group. In
    self-attention, T = S and all three come from the same text; otherwise it is cross-attention.

    Parameters
    ----------
    q : array (..., T, D), or (..., H, T, D)
    k : array (..., S, D), or (..., K, S, D) with K a divisor of H
    v : array (..., S, E), or (..., K, S, E)
    mask : array that broadcasts to (..., T, S), optional
        Boolean: True allows attention. Floating point: added to the scores (-inf forbids
        attention). The mask is a constant without a gradient.
    key_padding_mask : bool array (B, S), optional
        True for padding keys, which are masked for every head and query. B is the first axis of q.
    causal : bool
        Whether query t may attend only to keys 0 to t.
    dropout_p : float
        Probability of dropping an attention weight.
    dropout_seed : int
        Random seed of the dropout mask; see :func:`scratchgpt.ops.dropout_forward`.
    scale : float, optional
        Factor that multiplies the scores; by default :math:`1/\sqrt D`.
    window : int, optional
        With ``causal``: query t may attend only to the last ``window`` keys up to t, t included.
    soft_cap : float, optional
        The scores S are replaced by :math:`c \tanh(S / c)` before the masks; see
        :func:`scratchgpt.ops.soft_cap_forward`.
    y_out : array (..., T, E), optional
        Overwritten with the result.

    Returns
    -------
    y : array (..., T, E)
        The result is zero for a query that may not attend to any key.
    saved : AttentionSaved, or FlashAttentionSaved from the compiled kernel

    Raises
    ------
    ValueError
        If the shapes are incompatible.
    TypeError
        If the dtypes differ, the mask is neither boolean nor floating point, or key_padding_mask
        is not boolean.
    """
    check_arrays("attention", q=q, k=k, v=v)
    check_shapes(q, k, v)
    check_masks(mask, key_padding_mask, (*q.shape[:-1], k.shape[-2]), q.dtype)
    dropout_p = check_probability("attention", dropout_p)
    dropout_seed = check_whole("attention: dropout_seed", dropout_seed)
    if scale is None:
        scale = 1 / math.sqrt(q.shape[-1])
    scale = check_real("attention: scale", scale)
    window, soft_cap = check_window(window, causal), check_soft_cap(soft_cap)

    y = empty((*q.shape[:-1], v.shape[-1]), like=q) if y_out is None else y_out
    if mask is None and scale > 0 and _can_use_kernel(q, k, v, y):
        from scratchgpt.kernels import attention

        flash = FlashAttentionSaved(
            q=q,
            k=k,
            v=v,
            y=y,
            log_total=empty(q.shape[:-1], like=q),
            key_padding_mask=key_padding_mask,
            causal=causal,
            window=window,
            soft_cap=soft_cap,
            dropout_p=dropout_p,
            dropout_seed=dropout_seed,
            scale=scale,
        )
        attention.attention_forward(flash)
        return y, flash

    weights, capped = empty((*q.shape[:-1], k.shape[-2]), like=q), None
    # The matrix of one key-value head multiplies those of all query heads of its group.
    np.matmul(_groups(q, k), _one_each(k, q).mT, out=_groups(weights, k))  # 1
    weights *= scale  # 2
    if soft_cap is not None:
        capped, _ = soft_cap_forward(weights, soft_cap)
        weights[...] = capped  # 3
    add_masks(weights, mask, key_padding_mask, causal, window)  # 4
    softmax_into(weights, axis=-1, out=weights)  # 5
    with scope():
        dropped = _drop(weights, dropout_p, dropout_seed)  # 6
        np.matmul(_groups(dropped, k), _one_each(v, q), out=_groups(y, k))  # 7
    return y, AttentionSaved(q, k, v, weights, capped, scale, soft_cap, dropout_p, dropout_seed)


@observed
def attention_backward(
    dy: Array,
    saved: AttentionSaved | FlashAttentionSaved,
    *,
    dq_out: Array | None = None,
    dk_out: Array | None = None,
    dv_out: Array | None = None,
) -> tuple[Array, Array, Array]:
    r"""Gradients of :func:`attention_forward`, computed by undoing its steps in reverse order.

    .. math::
        dV &= \mathrm{dropout}(P)^\top dO \\
        dP &= \mathrm{dropout}(dO\,V^\top) \\
        dS &= P \left( dP - \textstyle\sum_s dP_s P_s \right) \\
        dQ &= dS\,K / \sqrt D \qquad dK = dS^\top Q / \sqrt D

    A masked key has P = 0, so dS = 0 there, and the backward pass needs no mask or window. A soft
    cap multiplies dS by its slope, :math:`1 - (S / c)^2` at the capped score S. If G = H / K query
    heads share a key-value head, its gradients are the sums over their group:

    .. math::
        dV_j = \sum_{h=Gj}^{Gj+G-1} \mathrm{dropout}(P_h)^\top dO_h \qquad
        dK_j = \sum_{h=Gj}^{Gj+G-1} dS_h^\top Q_h / \sqrt D

    Parameters
    ----------
    dy : array (..., T, E)
    saved : AttentionSaved
    dq_out, dk_out, dv_out : array, optional
        Overwritten with the gradients.

    Returns
    -------
    dq : array (..., T, D)
    dk : array (..., S, D)
        With groups, the sum over the query heads of each group.
    dv : array (..., S, E)
    """
    same_dtype("attention", q=saved.q, dy=dy)
    check_upstream("attention", dy, (*saved.q.shape[:-1], saved.v.shape[-1]))
    dq = empty(saved.q.shape, like=dy) if dq_out is None else dq_out
    dk = empty(saved.k.shape, like=dy) if dk_out is None else dk_out
    dv = empty(saved.v.shape, like=dy) if dv_out is None else dv_out
    if isinstance(saved, FlashAttentionSaved):
        from scratchgpt.kernels import attention

        same_dtype("attention", q=saved.q, dq=dq, dk=dk, dv=dv)
        with scope():
            # The kernel writes only to arrays whose rows are contiguous.
            own = [x if x.strides[-1] == x.itemsize else empty_like(x) for x in (dq, dk, dv)]
            attention.attention_backward(dy, saved, *own)
            for x, written in zip((dq, dk, dv), own, strict=True):
                if written is not x:
                    x[...] = written
        return dq, dk, dv

    q, k, v, weights, capped, scale, soft_cap, dropout_p, dropout_seed = saved
    with scope():
        dropped = _drop(weights, dropout_p, dropout_seed)
        _sum_groups(_groups(dropped, k).mT, _groups(dy, k), dv)  # undoes 7
    with scope():
        dscores = empty(weights.shape, like=dy)
        np.matmul(_groups(dy, k), _one_each(v, q).mT, out=_groups(dscores, k))  # undoes 7
        dscores = _drop(dscores, dropout_p, dropout_seed)  # undoes 6
        softmax_backward_into(dscores, weights, axis=-1, out=dscores)  # undoes 5
        if capped is not None and soft_cap is not None:
            soft_cap_backward(dscores, SoftCapSaved(capped, soft_cap), dx_out=dscores)  # undoes 3
        dscores *= scale  # undoes 2
        np.matmul(_groups(dscores, k), _one_each(k, q), out=_groups(dq, k))  # undoes 1
        _sum_groups(_groups(dscores, k).mT, _groups(q, k), dk)
    return dq, dk, dv


def _groups(x: Array, k: Array) -> Array:
    """Return a view (..., K, H / K, T, D) of x (..., H, T, D); x itself if there are K heads."""
    if x.shape[:-2] == k.shape[:-2]:
        return x
    n_kv_head = k.shape[-3]
    return x.reshape(*x.shape[:-3], n_kv_head, x.shape[-3] // n_kv_head, *x.shape[-2:])


def _one_each(k: Array, q: Array) -> Array:
    """Return a view (..., K, 1, S, D) of k (..., K, S, D); k itself if q has as many heads."""
    return k if k.shape[:-2] == q.shape[:-2] else k[..., None, :, :]


def _sum_groups(a: Array, b: Array, out: Array) -> None:
    """Write a b (..., K, H / K, S, D), summed over each group, to ``out`` (..., K, S, D).

    All query heads of a group use the same key-value head, so its gradient is a sum over them.
    """
    if a.ndim == out.ndim:
        np.matmul(a, b, out=out)
        return
    with scope():
        per_head = empty((*a.shape[:-1], b.shape[-1]), like=a)
        np.matmul(a, b, out=per_head)
        np.sum(per_head, axis=-3, out=out)


def _can_use_kernel(q: Array, k: Array, v: Array, y: Array) -> bool:
    """Whether to use the kernel: for too few queries it is slow, and it rejects empty arrays."""
    if not use_kernels(q, k, v, y):
        return False
    if q.ndim != 4 or q.shape[-2] < FEWEST_QUERIES:
        return False
    return min(q.size, k.size, v.size) > 0 and y.strides[-1] == y.itemsize


def _drop(x: Array, p: float, seed: int) -> Array:
    """Apply dropout to an array (..., T, S); return x itself if p is 0."""
    if p == 0:
        return x
    y = empty(x.shape, like=x)
    dropout_into(x, p, seed, out=y)
    return y
