"""The form of a GPT as numbers: which norm, activation, positions and limits the kernel computes.

The kernel asks for single settings, never for a family of models.
"""

from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.kernels.decoding.activations import ACTIVATIONS

PRE, POST = 0, 1
NORM_POSITIONS = {"pre": PRE, "post": POST}
LAYER, RMS = 0, 1
NORMS = {"layer": LAYER, "rms": RMS}
NO_QK_NORM, BEFORE_ROTARY, AFTER_ROTARY = range(3)
QK_NORMS = {
    "none": NO_QK_NORM,
    "before_rotary": BEFORE_ROTARY,
    "after_rotary": AFTER_ROTARY,
}
HALVES, NEIGHBORS = 0, 1
PAIRINGS = {"halves": HALVES, "neighbors": NEIGHBORS}


class Form(NamedTuple):
    """The settings of a model; see :class:`scratchgpt.models.GPTConfig`."""

    norm: Any  # one of NORMS
    norm_position: Any  # PRE or POST
    eps: Any
    embedding_norm: Any  # whether a norm follows the embedding
    qk_norm: Any  # one of QK_NORMS
    cos: Any  # (positions, D/2), or without elements if nothing is rotated
    sin: Any
    pairing: Any  # one of PAIRINGS
    attention_scales: Any  # (L,) factors for the scores
    windows: Any  # (L,) maximum number of positions that a row sees
    attention_soft_cap: Any  # 0 if there is none
    logit_soft_cap: Any
    activation: Any  # one of ACTIVATIONS
    gated: Any  # whether the feed-forward layers have a gate


def new_form(config: Any, cos: Array, sin: Array) -> Form:
    """Return the form of a model.

    Parameters
    ----------
    config : GPTConfig
    cos, sin : float32 array (positions, D/2)
        Of the rotary angles; without elements if the model rotates nothing.
    """
    layers = range(config.n_layer)
    return Form(
        norm=NORMS[config.norm],
        norm_position=NORM_POSITIONS[config.norm_position],
        eps=np.float32(config.layer_norm_epsilon),
        embedding_norm=config.embedding_norm,
        qk_norm=QK_NORMS[config.qk_norm],
        cos=cos,
        sin=sin,
        pairing=PAIRINGS[config.rope_pairing],
        attention_scales=np.array([config.attention_scale(i) for i in layers], np.float32),
        windows=np.array([config.window(i) or config.block_size for i in layers], np.int64),
        attention_soft_cap=np.float32(config.attention_soft_cap or 0),
        logit_soft_cap=np.float32(config.logit_soft_cap or 0),
        activation=ACTIVATIONS[config.activation],
        gated=config.gated_mlp,
    )
