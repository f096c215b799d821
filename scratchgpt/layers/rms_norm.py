"""Root-mean-square normalization, with or without a weight."""

from scratchgpt.backend import Array
from scratchgpt.layers.parameters import Layer, Parameter, ones
from scratchgpt.ops.residual_rms_norm import residual_rms_norm_forward
from scratchgpt.ops.rms_norm import RMSNormSaved, rms_norm_backward, rms_norm_forward


class RMSNorm(Layer):
    """RMS normalization over the last axis.

    Parameters
    ----------
    n_channels : int
    weight : bool
        Whether the result is multiplied by a weight per channel.
    eps : float
        Added to the mean square.
    """

    def __init__(self, n_channels: int, *, weight: bool = True, eps: float = 1e-6) -> None:
        self.weight = Parameter((n_channels,), ones) if weight else None
        self.eps = eps

    def forward(self, x: Array, *, y_out: Array | None = None) -> tuple[Array, RMSNormSaved]:
        """x (..., C) -> y (..., C), written to ``y_out``."""
        weight = self.weight.value if self.weight else None
        return rms_norm_forward(x, weight, self.eps, y_out=y_out)

    def forward_of_sum(
        self,
        x: Array,
        branch: Array,
        *,
        y_out: Array | None = None,
        n_out: Array | None = None,
    ) -> tuple[tuple[Array, Array], RMSNormSaved]:
        """x, branch (..., C) -> (y, n), the sum y = x + branch and its RMS normalization n."""
        weight = self.weight.value if self.weight else None
        outputs, saved = residual_rms_norm_forward(
            x, branch, weight, self.eps, y_out=y_out, n_out=n_out
        )
        return outputs, saved.norm

    def backward(
        self,
        dy: Array,
        saved: RMSNormSaved,
        *,
        residual_gradient: Array | None = None,
        dx_out: Array | None = None,
    ) -> Array:
        """dy (..., C) -> dx (..., C), plus the gradient from the residual connection."""
        dx, _ = rms_norm_backward(
            dy,
            saved,
            residual_gradient=residual_gradient,
            dx_out=dx_out,
            dweight_into=self.weight.accumulator if self.weight else None,
        )
        return dx
