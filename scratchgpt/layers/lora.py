"""Low-rank adapters (Hu et al. 2021, arXiv:2106.09685): a frozen linear map learns a small one."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.layers.dropout import Dropout, seed_for
from scratchgpt.layers.linear import Linear
from scratchgpt.layers.parameters import Initializer, Layer, Parameter, zeros
from scratchgpt.memory import borrow, empty_like, lending, scope
from scratchgpt.ops.dropout import DropoutSaved, dropout_forward
from scratchgpt.ops.linear import LinearSaved, linear_backward, linear_forward
from scratchgpt.recomputed import Recomputed, kept

INPUT = Recomputed("the input of the linear map", "LoRALinear.backward")
DROPPED = Recomputed("the input after dropout", "LowRank.backward")


class LowRankSaved(NamedTuple):
    x: Array | Recomputed  # (..., n_in)
    drop: DropoutSaved
    down: LinearSaved  # its x, the input after dropout, is recomputed
    up: LinearSaved  # its x is the scaled output of ``down``


class LowRank(Layer):
    r"""A linear map of low rank: :math:`y = s\,\mathrm{drop}(x)\,A\,B`.

    A is (n_in, r) and B is (r, n_out), so there are r (n_in + n_out) weights, not n_in n_out. B is
    0 at first, so y is too. A is uniform between :math:`\pm 1 / \sqrt{n_\mathrm{in}}`, as in PEFT
    (``LoraLayer.reset_lora_parameters``: ``kaiming_uniform_`` with ``a=sqrt(5)``).

    Parameters
    ----------
    n_in, n_out : int
    rank : int
        r.
    scale : float
        s.
    dropout : float
        Dropout probability of the input.
    """

    def __init__(
        self, n_in: int, n_out: int, rank: int, *, scale: float = 1.0, dropout: float = 0.0
    ) -> None:
        self.lora_A = Parameter((n_in, rank), uniform(1 / math.sqrt(n_in)))
        self.lora_B = Parameter((rank, n_out), zeros)
        self.scale = scale
        self.drop = Dropout(dropout)

    def forward(
        self, x: Array, dropout_seed: int | None = None, *, y_into: Array | None = None
    ) -> tuple[Array, LowRankSaved]:
        """x (..., n_in) -> y (..., n_out), or its sum with ``y_into``, which is overwritten.

        A ``dropout_seed`` of None disables dropout.
        """
        with lending():  # the backward pass drops the same elements again
            dropped, drop = self.drop.forward(x, dropout_seed, y_out=borrow(x.shape, like=x))  # 1
            h, down = linear_forward(dropped, self.lora_A.value)  # (..., r) 2
        h *= self.scale  # 3
        if y_into is None:
            y, up = linear_forward(h, self.lora_B.value)  # (..., n_out) 4
        else:
            with scope():
                change, up = linear_forward(h, self.lora_B.value)  # 4
                y_into += change
            y = y_into
        return y, LowRankSaved(x, drop, down._replace(x=DROPPED), up)

    def backward(self, dy: Array, saved: LowRankSaved) -> Array:
        """dy (..., n_out) -> dx (..., n_in)."""
        x = kept(saved.x, "x", "LowRank.backward")
        dh, _, _ = linear_backward(dy, saved.up, dweight_into=self.lora_B.accumulator)  # undoes 4
        dh *= self.scale  # 3
        p, seed = saved.drop
        dropped = dropout_forward(x, p, seed)[0] if p else x
        ddropped, _, _ = linear_backward(
            dh, saved.down._replace(x=dropped), dweight_into=self.lora_A.accumulator
        )  # 2
        return self.drop.backward(ddropped, saved.drop)  # 1

    def product(self) -> Array:
        """Return s A B, the weight (n_in, n_out) of the map without dropout."""
        return self.scale * (self.lora_A.value @ self.lora_B.value)


class LoRASaved(NamedTuple):
    x: Array | Recomputed  # (..., n_in)
    linear: LinearSaved  # its x is the one above
    adapters: tuple[LowRankSaved, ...]  # their x, too


class LoRALinear(Linear):
    r"""A linear map with adapters: :math:`y = x W + b + s\,\mathrm{drop}(x)\,A\,B`.

    There is one adapter, or one for each of several parts of the output: ``c_attn`` computes
    queries, keys and values at once, and other programs adapt these separately.

    Parameters
    ----------
    linear : Linear
        The layer takes over its parameters.
    columns : sequence of (int, int)
        Start and stop of the output columns that each adapter adds to.
    rank : int
    scale, dropout
        As in :class:`LowRank`.
    name : str
        Layers that get the same seed drop other elements if they have other names.
    """

    def __init__(
        self,
        linear: Linear,
        columns: Sequence[tuple[int, int]],
        rank: int,
        *,
        name: str = "",
        scale: float = 1.0,
        dropout: float = 0.0,
    ) -> None:
        self.weight, self.bias = linear.weight, linear.bias
        self.columns = tuple(slice(start, stop) for start, stop in columns)
        self.name = name
        n_in = self.weight.shape[0]
        self.adapters = [
            LowRank(n_in, part.stop - part.start, rank, scale=scale, dropout=dropout)
            for part in self.columns
        ]

    def forward(self, x: Array, dropout_seed: int | None = None) -> tuple[Array, Any]:
        """x (..., n_in) -> y (..., n_out) and a :class:`LoRASaved`.

        A ``dropout_seed`` of None disables the dropout of the adapters.
        """
        y, linear = super().forward(x)  # 1
        adapters = []
        for i, (adapter, part) in enumerate(zip(self.adapters, self.columns, strict=True)):
            seed = seed_for(dropout_seed, self.name, i)
            _, saved = adapter.forward(x, seed, y_into=y[..., part])  # 2 and 3
            adapters.append(saved._replace(x=INPUT))
        return y, LoRASaved(x, linear._replace(x=INPUT), tuple(adapters))

    def backward(self, dy: Array, saved: LoRASaved, *, dx_out: Array | None = None) -> Array:  # type: ignore[override]
        """dy (..., n_out) -> dx (..., n_in), written to ``dx_out``, which may be x."""
        x = kept(saved.x, "x", "LoRALinear.backward")
        dx = empty_like(x) if dx_out is None else dx_out
        with scope():
            dadapters = empty_like(x)
            dadapters[...] = 0
            for adapter, part, of_adapter in zip(
                self.adapters, self.columns, saved.adapters, strict=True
            ):
                with scope():  # undoes 3 and 2
                    dadapters += adapter.backward(dy[..., part], of_adapter._replace(x=x))
            super().backward(dy, saved.linear._replace(x=x), dx_out=dx)  # 1; dx may overwrite x
            dx += dadapters
        return dx

    def merged(self) -> Linear:
        """Add the adapters to the weight, in place, and return the plain layer."""
        for adapter, part in zip(self.adapters, self.columns, strict=True):
            self.weight.value[:, part] += adapter.product()
        linear = Linear(*self.weight.shape, bias=self.bias is not None)
        linear.weight, linear.bias = self.weight, self.bias
        return linear


def uniform(bound: float) -> Initializer:
    """Return an initializer with a uniform distribution from ``-bound`` to ``bound``."""

    def initialize(value: Array, rng: np.random.Generator) -> None:
        value[...] = rng.uniform(-bound, bound, value.shape)

    return initialize
