"""Arguments of the decoding kernel: the weights of a GPT, the texts, and the buffers.

This module alone defines the order of parameters in the tables of offsets, the number of each
activation, and the sizes of the buffers. :mod:`scratchgpt.generation.token_step` fills the tables
with the names below; :mod:`scratchgpt.kernels.decoding.decode` reads them with the constants.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.kernels.decoding.products import (
    DOT_PIECES,
    GELU,
    GELU_TANH,
    RELU,
    SWEEP_PIECES,
)

# Columns of Weights.offsets: parameters of a block.
BLOCK_PARAMETERS = (
    "ln_1.weight",
    "ln_1.bias",
    "attn.c_attn.weight",
    "attn.c_attn.bias",
    "attn.c_proj.weight",
    "attn.c_proj.bias",
    "ln_2.weight",
    "ln_2.bias",
    "mlp.c_fc.weight",
    "mlp.c_fc.bias",
    "mlp.c_proj.weight",
    "mlp.c_proj.bias",
)
LN_1_WEIGHT, LN_1_BIAS, ATTN_WEIGHT, ATTN_BIAS, ATTN_PROJ_WEIGHT, ATTN_PROJ_BIAS = range(6)
LN_2_WEIGHT, LN_2_BIAS, FC_WEIGHT, FC_BIAS, FC_PROJ_WEIGHT, FC_PROJ_BIAS = range(6, 12)

# Columns of Weights.scale_offsets: matrices of a block.
BLOCK_MATRICES = (
    "attn.c_attn.weight",
    "attn.c_proj.weight",
    "mlp.c_fc.weight",
    "mlp.c_proj.weight",
)
ATTN_SCALE, ATTN_PROJ_SCALE, FC_SCALE, FC_PROJ_SCALE = range(4)

# Elements of Weights.ends and of Weights.end_scales: parameters before and after the blocks.
END_PARAMETERS = (
    "transformer.wte.weight",
    "transformer.wpe.weight",
    "transformer.ln_f.weight",
    "transformer.ln_f.bias",
    "lm_head.weight",
)
WTE, WPE, LN_F_WEIGHT, LN_F_BIAS, HEAD = range(5)
END_MATRICES = ("transformer.wte.weight", "transformer.wpe.weight", "lm_head.weight")
WTE_SCALE, WPE_SCALE, HEAD_SCALE = range(3)

ACTIVATIONS = {"gelu_tanh": GELU_TANH, "gelu": GELU, "relu": RELU}
PRE, POST = 0, 1
NORM_POSITIONS = {"pre": PRE, "post": POST}


def supports(config: Any) -> bool:
    """Whether the kernel decodes models of this form; the others use the reference."""
    return bool(
        config.norm == "layer"
        and config.positions == "learned"
        and not config.gated_mlp
        and config.activation in ACTIVATIONS
        and config.kv_heads == config.n_head
        and config.n_head * config.head_size == config.n_embd
        and config.sliding_window is None
        and config.qk_norm == "none"
        and not config.embedding_norm
        and config.attention_soft_cap is None
        and config.logit_soft_cap is None
    )


class Weights(NamedTuple):
    """The weights of a model: flat arrays, and the offset of each parameter (-1 if missing)."""

    floats: Any  # vectors, and also matrices if they are float32
    matrices: Any  # float32, or int8
    scales: Any  # scales of int8 matrices; otherwise without elements
    offsets: Any  # (L, 12), see BLOCK_PARAMETERS
    scale_offsets: Any  # (L, 4), see BLOCK_MATRICES
    ends: Any  # (5,), see END_PARAMETERS
    end_scales: Any  # (3,), see END_MATRICES
    attention_scales: Any  # (L,), factors for the scores
    eps: Any
    activation: Any  # one of ACTIVATIONS
    position: Any  # PRE or POST


class Texts(NamedTuple):
    """The rows of a call, and the key-value cache of their texts."""

    tokens: Any  # (R,)
    owners: Any  # (R,) index of the text
    positions: Any  # (R,) position in the text
    keys: Any  # (L, B, H, block, D)
    values: Any  # (L, B, H, block, D)


class Buffers(NamedTuple):
    """Buffers for intermediate results."""

    x: Any  # (R, C) the residual stream
    n: Any  # (R, C) its norm
    qkv: Any  # (R, 3C)
    merged: Any  # (R, C)
    inner: Any  # (R, F)
    rounded: Any  # (R, widest product) factors for int8 weights, as int16
    units: Any  # (R,) scale: the value of one unit
    sums: Any  # (pieces, R, widest product)
    scores: Any  # (R H, block)
    logits: Any  # (R, V), or (0, V) without logits


def new_weights(
    floats: Array,
    matrices: Array,
    scales: Array,
    begin: Mapping[str, int],
    scale_begin: Mapping[str, int],
    *,
    attention_scales: Sequence[float],
    eps: float,
    activation: str,
    norm_position: str,
) -> Weights:
    """Make the tables of a model from the offsets of its parameters.

    Parameters
    ----------
    floats, matrices, scales : flat array
    begin, scale_begin : mapping of str to int
        Offset of each parameter in ``floats`` or ``matrices``, and of the scales of each matrix in
        ``scales``, by the name of the parameter. Without ``lm_head.weight`` the head is the token
        embedding.
    attention_scales : sequence of float
        One scale per layer.
    """
    n_layer, table = len(attention_scales), "transformer.wte.weight"
    begin = {"lm_head.weight": begin[table], **begin}
    if table in scale_begin:
        scale_begin = {"lm_head.weight": scale_begin[table], **scale_begin}
    return Weights(
        floats=floats,
        matrices=matrices,
        scales=scales,
        offsets=_offsets_of_blocks(n_layer, BLOCK_PARAMETERS, begin),
        scale_offsets=_offsets_of_blocks(n_layer, BLOCK_MATRICES, scale_begin),
        ends=np.array([begin.get(name, -1) for name in END_PARAMETERS]),
        end_scales=np.array([scale_begin.get(name, -1) for name in END_MATRICES]),
        attention_scales=np.array(attention_scales, np.float32),
        eps=np.float32(eps),
        activation=ACTIVATIONS[activation],
        position=NORM_POSITIONS[norm_position],
    )


def _offsets_of_blocks(n_layer: int, names: Sequence[str], begin: Mapping[str, int]) -> Array:
    """Return the offsets as a table with a row for each block and a column for each name."""
    return np.array(
        [[begin.get(f"transformer.h.{i}.{name}", -1) for name in names] for i in range(n_layer)]
    )


def new_buffers(
    n_rows: int,
    n_logits: int,
    *,
    n_embd: int,
    n_inner: int,
    n_head: int,
    block_size: int,
    vocab_size: int,
) -> Buffers:
    """Allocate buffers for ``n_rows`` tokens, of which ``n_logits`` (all or none) get logits."""
    pieces, widest = max(SWEEP_PIECES, DOT_PIECES), max(3 * n_embd, n_inner)

    def floats(*shape: int) -> Array:
        return np.empty(shape, np.float32)

    return Buffers(
        x=floats(n_rows, n_embd),
        n=floats(n_rows, n_embd),
        qkv=floats(n_rows, 3 * n_embd),
        merged=floats(n_rows, n_embd),
        inner=floats(n_rows, n_inner),
        rounded=np.empty((n_rows, widest), np.int16),
        units=floats(n_rows),
        sums=floats(pieces, n_rows, widest),
        scores=floats(n_rows * n_head, block_size),
        logits=floats(n_logits, vocab_size),
    )
