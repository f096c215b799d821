"""AdamW over flat arrays: Adam with decoupled weight decay.

Kingma and Ba 2014, arXiv:1412.6980, algorithm 1; Loshchilov and Hutter 2017, arXiv:1711.05101,
algorithm 2.
"""

import math
from typing import Any

import numpy as np

from scratchgpt.backend import Array, on_host, use_cuda, use_kernels
from scratchgpt.layers.parameters import ParameterStore, Span
from scratchgpt.memory import aligned_zeros
from scratchgpt.ops.observe import observed
from scratchgpt.optim.shards import Shard, shards

# Five float32 arrays of this size are 1.25 MiB, so they stay in the cache for a dozen passes.
CHUNK = 65_536
DEVICE_CHUNK = 1 << 24  # a GPU needs large arrays more than cached ones


class AdamW:
    r"""Update all parameters of a model from its accumulated gradients.

    With gradient g, learning rate :math:`\eta` and weight decay :math:`\lambda`, step t is

    .. math::
        m &\leftarrow \beta_1 m + (1 - \beta_1)\,g
        \qquad v \leftarrow \beta_2 v + (1 - \beta_2)\,g^2 \\
        \theta &\leftarrow (1 - \eta \lambda)\,\theta
        - \eta\, \frac{m / (1 - \beta_1^t)}{\sqrt{v / (1 - \beta_2^t)} + \epsilon}

    Weight decay applies only to matrices, the beginning of the flat array, ``[:n_decay]``.

    Parameters
    ----------
    store : ParameterStore
        Parameters in float32 or float64.
    betas : (float, float)
        Decay rates of the two moving averages, each at least 0 and less than 1.
    eps : float
        Added to the denominator; greater than 0.
    weight_decay : float
    shard : Shard, optional
        The parameters to update; by default all.

    Attributes
    ----------
    exp_avg, exp_avg_sq : array
        m and v, in the layout of ``store.grads[shard.grads]``; :meth:`named_moments` returns them
        by parameter.
    n_steps : int
        Number of steps taken, t.
    """

    def __init__(
        self,
        store: ParameterStore,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        shard: Shard | None = None,
    ) -> None:
        if store.dtype.kind != "f":
            raise TypeError(f"AdamW updates real parameters; these are {store.dtype}")
        self.store = store
        self.betas = betas
        self.eps = eps
        self.weight_decay = weight_decay
        self.n_steps = 0
        self.shard = shard or shards(store, 1)[0]
        n = self.shard.grads.stop - self.shard.grads.start
        self.exp_avg = aligned_zeros(n, store.dtype, store.values)
        self.exp_avg_sq = aligned_zeros(n, store.dtype, store.values)
        self._chunk = CHUNK if on_host(store.values) else DEVICE_CHUNK
        self._scratch = aligned_zeros(min(self._chunk, n), store.dtype, store.values)

    @observed
    def step(self, lr: float, grad_scale: float = 1.0) -> None:
        """Update ``store.values`` from ``grad_scale * store.grads``.

        Parameters
        ----------
        lr : float
            The learning rate of this step.
        grad_scale : float
            Factor from gradient clipping; ``store.grads`` is unchanged.
        """
        self.n_steps += 1
        beta1, beta2 = self.betas
        # The bias correction of v is moved out of the fraction, which saves a pass over the arrays.
        root = math.sqrt(1 - beta2**self.n_steps)
        step_size = lr * root / (1 - beta1**self.n_steps)
        keep = 1 - lr * self.weight_decay
        # Scaled before squaring: the square of an unclipped gradient may overflow.
        gains = (grad_scale * (1 - beta1), grad_scale * math.sqrt(1 - beta2))
        for span in self.shard.spans:
            self._move(span, gains, keep, step_size, self.eps * root)

    def _move(
        self,
        span: Span,
        gains: tuple[float, float],
        keep: float,
        step_size: float,
        eps: float,
    ) -> None:
        """Update the parameters in one span of the flat arrays."""
        beta1, beta2 = self.betas
        values, grads = self.store.values[span.values], self.store.grads[span.grads]
        first = self.shard.grads.start
        own = slice(span.grads.start - first, span.grads.stop - first)
        exp_avg, exp_avg_sq = self.exp_avg[own], self.exp_avg_sq[own]
        n_decay = max(self.store.n_decay - span.values.start, 0) if self.weight_decay else 0
        flat = values, grads, exp_avg, exp_avg_sq
        settings: Any = {"betas": self.betas, "gains": gains, "keep": keep}
        settings |= {"n_decay": n_decay, "step_size": step_size, "eps": eps}
        if use_kernels(self.store.values):
            from scratchgpt.kernels import adamw

            adamw.adamw_step(*flat, **settings)
            return
        if use_cuda(*flat):
            from scratchgpt.kernels.cuda import parameters

            parameters.adamw_step(*flat, **settings)
            return

        for start in range(0, values.size, self._chunk):
            chunk = slice(start, start + self._chunk)
            value, grad, m, v = values[chunk], grads[chunk], exp_avg[chunk], exp_avg_sq[chunk]
            x = self._scratch[: value.size]

            m *= beta1
            m += np.multiply(grad, gains[0], out=x)
            np.multiply(grad, gains[1], out=x)
            v *= beta2
            v += np.multiply(x, x, out=x)

            np.sqrt(v, out=x)
            x += eps
            np.divide(m, x, out=x)
            x *= step_size
            value[: max(n_decay - start, 0)] *= keep
            value -= x

    def named_moments(self) -> dict[str, Array]:
        """Return views of both moments by parameter: ``exp_avg.NAME`` and ``exp_avg_sq.NAME``."""
        store, found = self.store, dict[str, Array]()
        for moment, flat in (("exp_avg", self.exp_avg), ("exp_avg_sq", self.exp_avg_sq)):
            for name, view in self.shard.views(store, flat).items():
                found[f"{moment}.{name}"] = view
        return found

    @property
    def groups(self) -> list[list[str]]:
        """One group of all trained parameters; see :class:`Optimizer`."""
        return [self.store.trained]

    def moments_of(self, name: str) -> tuple[str, ...]:
        """Return the names of the moments of any parameter."""
        return ("exp_avg", "exp_avg_sq")

    def describe(self) -> list[str]:
        """Return no sentence: all parameters are updated in the same way."""
        return []
