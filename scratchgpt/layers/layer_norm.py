"""Layer normalisation with its weight and bias."""

from scratchgpt.backend import Array
from scratchgpt.layers.parameters import Layer, Parameter, ones, zeros
from scratchgpt.ops.layer_norm import LayerNormSaved, layer_norm_backward, layer_norm_forward
from scratchgpt.ops.residual_layer_norm import residual_layer_norm_forward


class LayerNorm(Layer):
    """Layer normalisation of the last axis.

    Parameters
    ----------
    n_channels : int
    bias : bool
    eps : float
        Added to the variance.
    """

    def __init__(self, n_channels: int, *, bias: bool = True, eps: float = 1e-5) -> None:
        self.weight = Parameter((n_channels,), ones)
        self.bias = Parameter((n_channels,), zeros) if bias else None
        self.eps = eps

    def forward(self, x: Array, y: Array | None = None) -> tuple[Array, LayerNormSaved]:
        """x (..., C) -> y (..., C), written to ``y`` where given."""
        bias = self.bias.value if self.bias else None
        return layer_norm_forward(x, self.weight.value, bias, self.eps, y)

    def forward_of_sum(
        self, x: Array, branch: Array, y: Array | None = None, n: Array | None = None
    ) -> tuple[tuple[Array, Array], LayerNormSaved]:
        """x and branch (..., C) -> their sum y, and its norm n; both written where given."""
        bias = self.bias.value if self.bias else None
        outputs, saved = residual_layer_norm_forward(
            x, branch, self.weight.value, bias, self.eps, y, n
        )
        return outputs, saved.norm

    def backward(
        self,
        dy: Array,
        saved: LayerNormSaved,
        past: Array | None = None,
        dx: Array | None = None,
    ) -> Array:
        """dy (..., C) -> dx (..., C), plus the gradient ``past`` that reaches x on another way."""
        dx, dweight, dbias = layer_norm_backward(dy, saved, past, dx)
        self.weight.grad += dweight
        if self.bias:
            self.bias.grad += dbias
        return dx
