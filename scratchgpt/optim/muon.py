r"""Muon: momentum, orthogonalized by a Newton-Schulz iteration.

Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks",
https://kellerjordan.github.io/posts/muon/. The learning rates per shape are Jordan's, and those of
Liu et al. 2025, "Muon is scalable for LLM training", arXiv:2502.16982. Published code works on
weights (out, in); here they are (in, out), and rows and columns change places.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array, use_kernels
from scratchgpt.layers.parameters import ParameterStore
from scratchgpt.memory import aligned_zeros, empty, scope
from scratchgpt.ops.observe import observed
from scratchgpt.optim.orthogonalize import COEFFICIENTS, EPS, N_ITERATIONS, newton_schulz
from scratchgpt.optim.shards import Shard, hidden_names, shards
from scratchgpt.precision import products_in

ADJUSTMENTS = ("original", "match_rms_adamw")


def rate_factor(shape: tuple[int, int], adjust_lr: str) -> float:
    r"""Return the factor for the learning rate of a matrix.

    An orthogonalized update has about the same size in any direction, so the root mean square of
    its elements depends on its shape.

    Parameters
    ----------
    shape : (int, int)
        (in, out), as weights are stored here.
    adjust_lr : {"original", "match_rms_adamw"}
        :math:`\sqrt{\max(1, out / in)}` of Jordan, or :math:`0.2 \sqrt{\max(in, out)}` of Liu et
        al., with which elements move as far as with AdamW.

    Raises
    ------
    ValueError
        If ``adjust_lr`` is neither.
    """
    if adjust_lr not in ADJUSTMENTS:
        raise ValueError(f"adjust_lr={adjust_lr!r} is not one of {', '.join(ADJUSTMENTS)}")
    n_in, n_out = shape
    if adjust_lr == "original":
        return math.sqrt(max(1.0, n_out / n_in))
    return 0.2 * math.sqrt(max(n_in, n_out))


class Matrix(NamedTuple):
    """A linear map (in, out) to update; the arrays are views."""

    name: str
    value: Array
    grad: Array
    momentum_buffer: Array
    rate: float  # learning rate times rate_factor


class Muon:
    r"""Update the linear maps inside a model: momentum, made orthogonal, matrix by matrix.

    With gradient G of a matrix W, learning rate :math:`\eta`, momentum :math:`\mu`, weight decay
    :math:`\lambda` and :math:`\alpha` from :func:`rate_factor`, a step is

    .. math::
        M &\leftarrow \mu M + (1 - \mu)\,G \qquad U = \mu M + (1 - \mu)\,G \\
        W &\leftarrow (1 - \eta \lambda)\,W
        - \alpha\,\eta\;\mathrm{newton\_schulz}(U)

    The U above is Nesterov's; without it, U is M. Matrices that are fused into one parameter, such
    as those of queries, keys and values, are orthogonalized one by one; the parameter says what
    they are (``columns``). Products are never rounded to bfloat16. Inside an
    :class:`scratchgpt.memory.Arena`, a step allocates nothing.

    Parameters
    ----------
    store : ParameterStore
        Parameters in float32 or float64.
    momentum : float
        :math:`\mu`, at least 0 and less than 1. The default is Jordan's.
    nesterov : bool
    weight_decay : float
        :math:`\lambda`; it is not multiplied by :math:`\alpha`.
    adjust_lr : {"original", "match_rms_adamw"}
    shard : Shard, optional
        The parameters to update; by default all that have ``columns``.

    Attributes
    ----------
    momentum_buffer : array
        M, in the layout of ``store.grads[shard.grads]``; :meth:`named_moments` returns it by
        parameter.
    n_steps : int
        Number of steps taken.

    Raises
    ------
    TypeError
        If the parameters are complex.
    ValueError
        If the shard has a parameter without ``columns``.
    """

    def __init__(
        self,
        store: ParameterStore,
        *,
        momentum: float = 0.95,
        nesterov: bool = True,
        weight_decay: float = 0.1,
        adjust_lr: str = "original",
        shard: Shard | None = None,
    ) -> None:
        if store.dtype.kind != "f":
            raise TypeError(f"Muon updates real parameters; these are {store.dtype}")
        rate_factor((1, 1), adjust_lr)
        self.store = store
        self.momentum = momentum
        self.nesterov = nesterov
        self.weight_decay = weight_decay
        self.adjust_lr = adjust_lr
        self.n_steps = 0
        self.shard = shard or shards(store, 1, hidden_names(store))[0]
        for name in self.shard.names:
            if not store.named[name].columns:
                raise ValueError(f"Muon does not update {name}: it is not a linear map inside")
        n = self.shard.grads.stop - self.shard.grads.start
        self.momentum_buffer = aligned_zeros(n, store.dtype, store.values)

    @observed
    def step(self, lr: float, grad_scale: float = 1.0) -> None:
        """Update the parameters of the shard from ``grad_scale * store.grads``.

        Parameters
        ----------
        lr : float
            The learning rate of this step, before :func:`rate_factor`.
        grad_scale : float
            Factor from gradient clipping; ``store.grads`` is unchanged.

        Raises
        ------
        ValueError
            If a gradient has NaN or infinite values; its matrix is unchanged.
        """
        self.n_steps += 1
        keep = 1 - lr * self.weight_decay
        matrices = list(self._matrices(lr))
        if use_kernels(self.store.values, self.store.grads, self.momentum_buffer):
            self._step_with_kernel(matrices, keep, grad_scale)
            return
        for matrix in matrices:
            value = matrix.value
            with scope(), products_in("float32"):
                update = newton_schulz(self._average(matrix, grad_scale))
                update *= matrix.rate
                value *= keep
                value -= update

    def _matrices(self, lr: float) -> Iterator[Matrix]:
        """Yield the matrices of the shard, those of a fused parameter one by one."""
        for name, buffer in self.shard.views(self.store, self.momentum_buffer).items():
            parameter = self.store.named[name]
            start = 0
            for width in parameter.columns:
                part = slice(start, start + width)
                rate = lr * rate_factor((parameter.shape[0], width), self.adjust_lr)
                yield Matrix(
                    name, parameter.value[:, part], parameter.grad[:, part], buffer[:, part], rate
                )
                start += width

    def _average(self, matrix: Matrix, grad_scale: float) -> Array:
        """Add the gradient to the momentum, and return what to orthogonalize."""
        scaled = empty(matrix.grad.shape, like=matrix.grad)
        np.multiply(matrix.grad, grad_scale * (1 - self.momentum), out=scaled)
        buffer = matrix.momentum_buffer
        buffer *= self.momentum
        buffer += scaled
        if not self.nesterov:
            return buffer
        average = empty(scaled.shape, like=scaled)
        np.multiply(buffer, self.momentum, out=average)
        average += scaled
        return average

    def _step_with_kernel(self, matrices: list[Matrix], keep: float, grad_scale: float) -> None:
        from scratchgpt.kernels import muon

        norms = muon.step(
            matrices,
            momentum=self.momentum,
            gain=grad_scale * (1 - self.momentum),
            nesterov=self.nesterov,
            keep=keep,
            eps=EPS,
            coefficients=COEFFICIENTS,
            n_iterations=N_ITERATIONS,
        )
        for matrix, norm in zip(matrices, norms, strict=True):
            if not math.isfinite(norm):
                raise ValueError(
                    f"Muon: the norm of the averaged gradient of {matrix.name} is {norm}; it has "
                    "NaN or infinite values"
                )

    def moments_of(self, name: str) -> tuple[str, ...]:
        """Return the name of the moment of any parameter."""
        return ("momentum_buffer",)

    def named_moments(self) -> dict[str, Array]:
        """Return views of the momentum by parameter: ``momentum_buffer.NAME``."""
        buffers = self.shard.views(self.store, self.momentum_buffer)
        return {f"momentum_buffer.{name}": buffer for name, buffer in buffers.items()}
