"""Every operation of :mod:`scratchgpt.ops`, with the inputs that all test suites use."""

from scratchgpt.verify.examples.attention import ATTENTION
from scratchgpt.verify.examples.case import LAYOUTS, Case, Example, arrange
from scratchgpt.verify.examples.classification import CROSS_ENTROPY, LOG_SOFTMAX, SOFTMAX
from scratchgpt.verify.examples.layer_norm import LAYER_NORM, RESIDUAL_LAYER_NORM
from scratchgpt.verify.examples.linear import EMBEDDING, LINEAR
from scratchgpt.verify.examples.pointwise import BROADCAST, DROPOUT, GELU, RELU, RESIDUAL

EXAMPLES: dict[str, Example] = {
    example.name: example
    for example in (
        ATTENTION,
        BROADCAST,
        CROSS_ENTROPY,
        DROPOUT,
        EMBEDDING,
        GELU,
        LAYER_NORM,
        LINEAR,
        LOG_SOFTMAX,
        RELU,
        RESIDUAL,
        RESIDUAL_LAYER_NORM,
        SOFTMAX,
    )
}

__all__ = ["EXAMPLES", "LAYOUTS", "Case", "Example", "arrange"]
