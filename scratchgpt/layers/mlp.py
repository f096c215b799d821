"""Feed-forward network of a Transformer block."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from scratchgpt.backend import Array
from scratchgpt.layers.linear import Linear
from scratchgpt.layers.parameters import Layer
from scratchgpt.memory import borrow, lending
from scratchgpt.ops.gelu import gelu_backward, gelu_forward
from scratchgpt.ops.linear import LinearSaved
from scratchgpt.ops.relu import relu_backward, relu_forward
from scratchgpt.ops.relu_squared import relu_squared_backward, relu_squared_forward
from scratchgpt.ops.silu import silu_backward, silu_forward
from scratchgpt.recomputed import Recomputed

Pair = tuple[Callable[..., tuple[Any, Any]], Callable[..., Any]]

ACTIVATIONS: dict[str, Pair] = {
    "gelu_tanh": (partial(gelu_forward, approximate="tanh"), gelu_backward),
    "gelu": (gelu_forward, gelu_backward),
    "relu": (relu_forward, relu_backward),
    "relu_squared": (relu_squared_forward, relu_squared_backward),
    "silu": (silu_forward, silu_backward),
}

ACTIVATED = Recomputed("the output of the activation", "MLP.backward")


class MLPSaved(NamedTuple):
    c_fc: LinearSaved
    act: Any  # the saved of the activation
    c_proj: LinearSaved  # its x, the output of the activation, is recomputed

    def with_input(self, x: Array | Recomputed) -> "MLPSaved":
        """Return a copy of this object with another x."""
        return self._replace(c_fc=self.c_fc._replace(x=x))


class MLP(Layer):
    """Feed-forward network: Linear(C, F), activation, Linear(F, C).

    The output of the activation is among the largest arrays of a block, so it is not saved. The
    backward pass recomputes it from the input of the activation, at low cost.

    Parameters
    ----------
    n_embd : int
        C.
    n_inner : int
        F, usually 4 C.
    activation : {"gelu_tanh", "gelu", "relu", "relu_squared", "silu"}
    bias : bool
    std, proj_std : float, optional
        Standard deviations of the initial weights; ``proj_std`` is for the second map, which
        writes to the residual stream. See :class:`Linear`.
    """

    def __init__(
        self,
        n_embd: int,
        n_inner: int,
        *,
        activation: str,
        bias: bool,
        proj_std: float | None,
        std: float | None = 0.02,
    ) -> None:
        self.c_fc = Linear(n_embd, n_inner, bias=bias, std=std)
        self.c_proj = Linear(n_inner, n_embd, bias=bias, std=proj_std)
        self.activation = activation

    def forward(self, x: Array, dropout_seed: int | None = None) -> tuple[Array, MLPSaved]:
        """x (..., C) -> y (..., C); only adapters use the seed (:class:`LoRALinear`)."""
        act_forward, _ = ACTIVATIONS[self.activation]
        h, c_fc = self.c_fc.forward(x, dropout_seed)  # (..., F)
        with lending():
            a, act = act_forward(h, y_out=borrow(h.shape, like=h))  # (..., F)
            y, c_proj = self.c_proj.forward(a, dropout_seed)  # (..., C)
        return y, MLPSaved(c_fc, act, c_proj._replace(x=ACTIVATED))

    def backward(self, dy: Array, saved: MLPSaved) -> Array:
        """dy (..., C) -> dx (..., C)."""
        act_forward, act_backward = ACTIVATIONS[self.activation]
        # One array (..., F) serves three times: for a, then for da, then for dh.
        a, _ = act_forward(saved.act.x)
        da = self.c_proj.backward(dy, saved.c_proj._replace(x=a), dx_out=a)
        dh = act_backward(da, saved.act, dx_out=da)
        return self.c_fc.backward(dh, saved.c_fc)

    def extend(self, x: Array) -> Array:
        """Apply the layer for generation: like :meth:`forward`, but nothing is saved."""
        return self.forward(x)[0]
