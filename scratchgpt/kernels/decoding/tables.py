"""The weights of a GPT as flat arrays, with the offsets of its parameters, for the decoding kernel.

This module alone defines the order of parameters in the tables of offsets.
:mod:`scratchgpt.generation.token_step` fills the tables with the names below;
:mod:`scratchgpt.kernels.decoding.stages` reads them with the constants.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.kernels.compiler.jit import part
from scratchgpt.kernels.decoding.form import Form

# Columns of Weights.offsets: parameters of a block. The bias of a map or norm follows its weight.
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
    "attn.query_key.q_norm.weight",
    "attn.query_key.k_norm.weight",
)
LN_1, ATTN, ATTN_PROJ, LN_2, FC, FC_PROJ = range(0, 12, 2)
Q_NORM, K_NORM = 12, 13

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
    "transformer.ln_wte.weight",
    "transformer.ln_wte.bias",
    "transformer.ln_f.weight",
    "transformer.ln_f.bias",
    "transformer.wte.weight",
    "transformer.wpe.weight",
    "lm_head.weight",
)
LN_WTE, LN_F = 0, 2
WTE, WPE, HEAD = 4, 5, 6
END_MATRICES = ("transformer.wte.weight", "transformer.wpe.weight", "lm_head.weight")
WTE_SCALE, WPE_SCALE, HEAD_SCALE = range(3)


class Weights(NamedTuple):
    """The weights of a model: flat arrays, and the offset of each parameter (-1 if missing)."""

    floats: Any  # vectors, and also matrices if they are float32
    matrices: Any  # float32, or int8
    scales: Any  # scales of int8 matrices; otherwise without elements
    offsets: Any  # (L, 14), see BLOCK_PARAMETERS
    scale_offsets: Any  # (L, 4), see BLOCK_MATRICES
    ends: Any  # (7,), see END_PARAMETERS
    end_scales: Any  # (3,), see END_MATRICES
    form: Form


def new_weights(
    floats: Array,
    matrices: Array,
    scales: Array,
    begin: Mapping[str, int],
    scale_begin: Mapping[str, int],
    form: Form,
) -> Weights:
    """Make the tables of a model from the offsets of its parameters.

    Parameters
    ----------
    floats, matrices, scales : flat array
    begin, scale_begin : mapping of str to int
        Offset of each parameter in ``floats`` or ``matrices``, and of the scales of each matrix in
        ``scales``, by the name of the parameter. Without ``lm_head.weight`` the head is the token
        embedding.
    form : Form
    """
    n_layer, table = len(form.windows), "transformer.wte.weight"
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
        form=form,
    )


def _offsets_of_blocks(n_layer: int, names: Sequence[str], begin: Mapping[str, int]) -> Array:
    """Return the offsets as a table with a row for each block and a column for each name."""
    return np.array(
        [[begin.get(f"transformer.h.{i}.{name}", -1) for name in names] for i in range(n_layer)]
    )


@part
def vector(flat, offset, n):
    """Return the parameter at ``offset``; it has no elements if the model has no such parameter."""
    return flat[offset : offset + n] if offset >= 0 and flat.size else flat[:0]


@part
def matrix(flat, offset, n_in, n_out):
    """Return a weight: (n_in, n_out) in float32, or (n_out, n_in) in int8."""
    weight = flat[offset : offset + n_in * n_out]
    return weight.reshape(n_out, n_in) if flat.itemsize == 1 else weight.reshape(n_in, n_out)
