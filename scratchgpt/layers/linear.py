"""Linear layer."""

import math

from scratchgpt.backend import Array
from scratchgpt.layers.parameters import Layer, Parameter, normal, zeros
from scratchgpt.ops.linear import LinearSaved, linear_backward, linear_forward


class Linear(Layer):
    """Linear layer ``x @ weight + bias``; the weight is (n_in, n_out) as in GPT-2 checkpoints.

    Parameters
    ----------
    n_in, n_out : int
    bias : bool
    std : float, optional
        Standard deviation of the initial weight. None means that of Glorot and Bengio 2010
        (equation 16), the square root of 2 / (n_in + n_out).
    columns : tuple of int, optional
        Of :class:`Parameter`: the parts of ``n_out`` if several maps are computed together, and
        () for an output head; by default one map.
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        *,
        bias: bool = True,
        std: float | None = 0.02,
        columns: tuple[int, ...] | None = None,
    ) -> None:
        std = math.sqrt(2 / (n_in + n_out)) if std is None else std
        columns = (n_out,) if columns is None else columns
        self.weight = Parameter((n_in, n_out), normal(std), columns=columns)
        self.bias = Parameter((n_out,), zeros) if bias else None

    def forward(self, x: Array, dropout_seed: int | None = None) -> tuple[Array, LinearSaved]:
        """x (..., n_in) -> y (..., n_out).

        Parameters
        ----------
        x : array (..., n_in)
        dropout_seed : int, optional
            Only :class:`LoRALinear` uses it; this layer drops nothing.
        """
        return linear_forward(x, self.weight.value, self.bias.value if self.bias else None)

    def backward(self, dy: Array, saved: LinearSaved, *, dx_out: Array | None = None) -> Array:
        """dy (..., n_out) -> dx (..., n_in), written to ``dx_out``, which may be x."""
        dx, _, _ = linear_backward(
            dy,
            saved,
            dx_out=dx_out,
            dweight_into=self.weight.accumulator,
            dbias_into=self.bias.accumulator if self.bias else None,
        )
        return dx
