"""Layer normalization with weight and bias."""

from scratchgpt.backend import Array
from scratchgpt.layers.parameters import Layer, Parameter, ones, zeros
from scratchgpt.ops.layer_norm import LayerNormSaved, layer_norm_backward, layer_norm_forward
from scratchgpt.ops.residual_layer_norm import residual_layer_norm_forward


class LayerNorm(Layer):
    """Layer normalization over the last axis.

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

    def forward(self, x: Array, *, y_out: Array | None = None) -> tuple[Array, LayerNormSaved]:
        """x (..., C) -> y (..., C), written to ``y_out``."""
        bias = self.bias.value if self.bias else None
        return layer_norm_forward(x, self.weight.value, bias, self.eps, y_out=y_out)

    def forward_of_sum(
        self,
        x: Array,
        branch: Array,
        *,
        y_out: Array | None = None,
        n_out: Array | None = None,
    ) -> tuple[tuple[Array, Array], LayerNormSaved]:
        """x, branch (..., C) -> (y, n), the sum y = x + branch and its layer normalization n."""
        bias = self.bias.value if self.bias else None
        outputs, saved = residual_layer_norm_forward(
            x, branch, self.weight.value, bias, self.eps, y_out=y_out, n_out=n_out
        )
        return outputs, saved.norm

    def backward(
        self,
        dy: Array,
        saved: LayerNormSaved,
        *,
        residual_gradient: Array | None = None,
        dx_out: Array | None = None,
    ) -> Array:
        """dy (..., C) -> dx (..., C), plus the gradient from the residual connection."""
        dx, _, _ = layer_norm_backward(
            dy,
            saved,
            residual_gradient=residual_gradient,
            dx_out=dx_out,
            dweight_into=self.weight.accumulator,
            dbias_into=self.bias.accumulator if self.bias else None,
        )
        return dx
