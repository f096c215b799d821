"""Operations: each ``X_forward`` is followed by its ``X_backward``; they are stateless functions.

They are plain NumPy that reads like the derivation, for float32, float64 and complex128.
"""

from scratchgpt.ops.attention import (
    AttentionSaved,
    attention_backward,
    attention_forward,
)
from scratchgpt.ops.broadcast import (
    BroadcastSaved,
    broadcast_backward,
    broadcast_forward,
)
from scratchgpt.ops.contrastive import (
    ContrastiveSaved,
    contrastive_backward,
    contrastive_forward,
)
from scratchgpt.ops.cross_entropy import (
    IGNORE_INDEX,
    CrossEntropySaved,
    cross_entropy_backward,
    cross_entropy_forward,
)
from scratchgpt.ops.dropout import (
    DropoutSaved,
    dropout_backward,
    dropout_forward,
    dropout_mask,
)
from scratchgpt.ops.embedding import (
    EmbeddingSaved,
    embedding_backward,
    embedding_forward,
)
from scratchgpt.ops.gated_product import (
    GatedProductSaved,
    gated_product_backward,
    gated_product_forward,
)
from scratchgpt.ops.gelu import (
    GeluSaved,
    gelu_backward,
    gelu_forward,
)
from scratchgpt.ops.last_pool import (
    LastPoolSaved,
    last_pool_backward,
    last_pool_forward,
)
from scratchgpt.ops.layer_norm import (
    LayerNormSaved,
    layer_norm_backward,
    layer_norm_forward,
)
from scratchgpt.ops.linear import (
    LinearSaved,
    linear_backward,
    linear_forward,
)
from scratchgpt.ops.log_softmax import (
    LogSoftmaxSaved,
    log_softmax_backward,
    log_softmax_forward,
)
from scratchgpt.ops.mean_pool import (
    MeanPoolSaved,
    mean_pool_backward,
    mean_pool_forward,
)
from scratchgpt.ops.observe import Observer, observed, observing
from scratchgpt.ops.relu import (
    ReluSaved,
    relu_backward,
    relu_forward,
)
from scratchgpt.ops.relu_squared import (
    ReluSquaredSaved,
    relu_squared_backward,
    relu_squared_forward,
)
from scratchgpt.ops.residual import (
    ResidualSaved,
    residual_backward,
    residual_forward,
)
from scratchgpt.ops.residual_layer_norm import (
    ResidualLayerNormSaved,
    residual_layer_norm_backward,
    residual_layer_norm_forward,
)
from scratchgpt.ops.residual_rms_norm import (
    ResidualRMSNormSaved,
    residual_rms_norm_backward,
    residual_rms_norm_forward,
)
from scratchgpt.ops.rms_norm import (
    RMSNormSaved,
    rms_norm_backward,
    rms_norm_forward,
)
from scratchgpt.ops.rotary import (
    RotarySaved,
    rotary_backward,
    rotary_forward,
)
from scratchgpt.ops.silu import (
    SiluSaved,
    silu_backward,
    silu_forward,
)
from scratchgpt.ops.soft_cap import (
    SoftCapSaved,
    soft_cap_backward,
    soft_cap_forward,
)
from scratchgpt.ops.softmax import (
    SoftmaxSaved,
    softmax_backward,
    softmax_forward,
)
from scratchgpt.ops.unit import (
    UnitSaved,
    unit_backward,
    unit_forward,
)

__all__ = [
    "IGNORE_INDEX",
    "AttentionSaved",
    "BroadcastSaved",
    "ContrastiveSaved",
    "CrossEntropySaved",
    "DropoutSaved",
    "EmbeddingSaved",
    "GatedProductSaved",
    "GeluSaved",
    "LastPoolSaved",
    "LayerNormSaved",
    "LinearSaved",
    "LogSoftmaxSaved",
    "MeanPoolSaved",
    "Observer",
    "RMSNormSaved",
    "ReluSaved",
    "ReluSquaredSaved",
    "ResidualLayerNormSaved",
    "ResidualRMSNormSaved",
    "ResidualSaved",
    "RotarySaved",
    "SiluSaved",
    "SoftCapSaved",
    "SoftmaxSaved",
    "UnitSaved",
    "attention_backward",
    "attention_forward",
    "broadcast_backward",
    "broadcast_forward",
    "contrastive_backward",
    "contrastive_forward",
    "cross_entropy_backward",
    "cross_entropy_forward",
    "dropout_backward",
    "dropout_forward",
    "dropout_mask",
    "embedding_backward",
    "embedding_forward",
    "gated_product_backward",
    "gated_product_forward",
    "gelu_backward",
    "gelu_forward",
    "last_pool_backward",
    "last_pool_forward",
    "layer_norm_backward",
    "layer_norm_forward",
    "linear_backward",
    "linear_forward",
    "log_softmax_backward",
    "log_softmax_forward",
    "mean_pool_backward",
    "mean_pool_forward",
    "observed",
    "observing",
    "relu_backward",
    "relu_forward",
    "relu_squared_backward",
    "relu_squared_forward",
    "residual_backward",
    "residual_forward",
    "residual_layer_norm_backward",
    "residual_layer_norm_forward",
    "residual_rms_norm_backward",
    "residual_rms_norm_forward",
    "rms_norm_backward",
    "rms_norm_forward",
    "rotary_backward",
    "rotary_forward",
    "silu_backward",
    "silu_forward",
    "soft_cap_backward",
    "soft_cap_forward",
    "softmax_backward",
    "softmax_forward",
    "unit_backward",
    "unit_forward",
]
