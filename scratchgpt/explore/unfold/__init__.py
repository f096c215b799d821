"""The inner arrays of each operation, recomputed from what was saved.

Each function adds the arrays of one operation to its card. What an operation keeps inside, such as
the scores and their gradients in attention, is recomputed by the formulas of its page in the docs.
The results are compared with what the step recorded. If they differ, no page is written: either
the operation or the explanation is wrong.
"""

from scratchgpt.explore.unfold.attention import unfold_attention
from scratchgpt.explore.unfold.cross_entropy import unfold_cross_entropy
from scratchgpt.explore.unfold.embedding import unfold_embedding
from scratchgpt.explore.unfold.layer_norm import unfold_layer_norm
from scratchgpt.explore.unfold.linear import unfold_linear
from scratchgpt.explore.unfold.pointwise import (
    unfold_activation,
    unfold_dropout,
    unfold_gated_product,
    unfold_residual,
    unfold_soft_cap,
)
from scratchgpt.explore.unfold.rms_norm import unfold_rms_norm
from scratchgpt.explore.unfold.rotary import unfold_rotary

UNFOLD = {
    "attention": unfold_attention,
    "cross_entropy": unfold_cross_entropy,
    "dropout": unfold_dropout,
    "embedding": unfold_embedding,
    "gated_product": unfold_gated_product,
    "gelu": unfold_activation,
    "layer_norm": unfold_layer_norm,
    "linear": unfold_linear,
    "relu": unfold_activation,
    "relu_squared": unfold_activation,
    "residual": unfold_residual,
    "rms_norm": unfold_rms_norm,
    "rotary": unfold_rotary,
    "silu": unfold_activation,
    "soft_cap": unfold_soft_cap,
}
