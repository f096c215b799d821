"""Every operation of :mod:`scratchgpt.ops`, with the inputs that all test suites use."""

from scratchgpt.verify.examples.attention import ATTENTION
from scratchgpt.verify.examples.case import LAYOUTS, Case, Example, arrange
from scratchgpt.verify.examples.classification import CROSS_ENTROPY, LOG_SOFTMAX, SOFTMAX
from scratchgpt.verify.examples.layer_norm import LAYER_NORM, RESIDUAL_LAYER_NORM
from scratchgpt.verify.examples.linear import EMBEDDING, LINEAR
from scratchgpt.verify.examples.pointwise import (
    BROADCAST,
    DROPOUT,
    GATED_PRODUCT,
    GELU,
    RELU,
    RELU_SQUARED,
    RESIDUAL,
    SILU,
)
from scratchgpt.verify.examples.rms_norm import RESIDUAL_RMS_NORM, RMS_NORM
from scratchgpt.verify.examples.rotary import ROTARY
from scratchgpt.verify.examples.soft_cap import SOFT_CAP
from scratchgpt.verify.examples.text_vectors import CONTRASTIVE, LAST_POOL, MEAN_POOL, UNIT

EXAMPLES: dict[str, Example] = {
    example.name: example
    for example in (
        ATTENTION,
        BROADCAST,
        CONTRASTIVE,
        CROSS_ENTROPY,
        DROPOUT,
        EMBEDDING,
        GATED_PRODUCT,
        GELU,
        LAST_POOL,
        LAYER_NORM,
        LINEAR,
        LOG_SOFTMAX,
        MEAN_POOL,
        RELU,
        RELU_SQUARED,
        RESIDUAL,
        RESIDUAL_LAYER_NORM,
        RESIDUAL_RMS_NORM,
        RMS_NORM,
        ROTARY,
        SILU,
        SOFTMAX,
        SOFT_CAP,
        UNIT,
    )
}

__all__ = ["EXAMPLES", "LAYOUTS", "Case", "Example", "arrange"]
