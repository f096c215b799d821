"""The texts of a decoding step, and the buffers for its intermediate results."""

from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.kernels.decoding.products import DOT_PIECES, SWEEP_PIECES


class Texts(NamedTuple):
    """The rows of a call, and the key-value cache of their texts."""

    tokens: Any  # (R,)
    owners: Any  # (R,) index of the text
    positions: Any  # (R,) position in the text
    keys: Any  # (L, B, K, S, D)
    values: Any  # (L, B, K, S, D)


class Buffers(NamedTuple):
    """Buffers for intermediate results."""

    x: Any  # (R, C) the residual stream
    n: Any  # (R, C) its norm
    qkv: Any  # (R, (H + 2K) D)
    merged: Any  # (R, H D)
    hidden: Any  # (R, 2F) gate and up; (R, 0) without a gate
    inner: Any  # (R, F)
    rounded: Any  # (R, widest product) factors for int8 weights, as int16
    units: Any  # (R,) scale: the value of one unit
    sums: Any  # (pieces, R, widest product)
    scores: Any  # (R H, at least S)
    logits: Any  # (R, V), or (0, V) without logits


def new_buffers(n_rows: int, n_logits: int, n_positions: int, config: Any) -> Buffers:
    """Allocate buffers for ``n_rows`` tokens, of which ``n_logits`` (all or none) get logits.

    Parameters
    ----------
    n_rows, n_logits : int
    n_positions : int
        Positions of the cache, S.
    config : GPTConfig
    """
    n_merged = config.n_head * config.head_size
    n_qkv = n_merged + 2 * config.kv_heads * config.head_size
    n_hidden = 2 * config.inner_size if config.gated_mlp else 0
    pieces = max(SWEEP_PIECES, DOT_PIECES)
    widest = max(config.n_embd, n_qkv, n_hidden, config.inner_size)

    def floats(*shape: int) -> Array:
        return np.empty(shape, np.float32)

    return Buffers(
        x=floats(n_rows, config.n_embd),
        n=floats(n_rows, config.n_embd),
        qkv=floats(n_rows, n_qkv),
        merged=floats(n_rows, n_merged),
        hidden=floats(n_rows, n_hidden),
        inner=floats(n_rows, config.inner_size),
        rounded=np.empty((n_rows, widest), np.int16),
        units=floats(n_rows),
        sums=floats(pieces, n_rows, widest),
        scores=floats(n_rows * config.n_head, n_positions),
        logits=floats(n_logits, config.vocab_size),
    )
