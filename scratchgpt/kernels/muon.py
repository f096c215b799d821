"""What Muon does with each element, in two passes over memory; see :mod:`scratchgpt.optim`."""

from scratchgpt.backend import Array
from scratchgpt.kernels.compiler.jit import CHUNK
from scratchgpt.kernels.compiler.parallel import kernel


@kernel
def _nesterov(chunk, grad, momentum_buffer, update, momentum, gain):
    start = chunk * CHUNK
    g, m = grad[start : start + CHUNK], momentum_buffer[start : start + CHUNK]
    u = update[start : start + CHUNK]
    for i in range(g.size):
        m[i] = momentum * m[i] + gain * g[i]
        u[i] = momentum * m[i] + gain * g[i]


def nesterov(
    grad: Array, momentum_buffer: Array, update: Array, *, momentum: float, gain: float
) -> None:
    """Update ``momentum_buffer`` in place, and write Nesterov's average to ``update``.

    All arrays are flat and of one dtype; ``gain`` multiplies the gradient.
    """
    number = grad.dtype.type
    n_chunks = -(-grad.size // CHUNK)
    _nesterov(n_chunks, grad, momentum_buffer, update, number(momentum), number(gain))


@kernel
def _move(chunk, value, update, keep, rate, n_rows):
    for row in range(chunk * n_rows, min((chunk + 1) * n_rows, value.shape[0])):
        x, u = value[row], update[row]
        for i in range(x.size):
            x[i] = keep * x[i] - rate * u[i]


def move(value: Array, update: Array, *, keep: float, rate: float) -> None:
    """``value = keep * value - rate * update``, of two matrices whose rows are contiguous."""
    number = value.dtype.type
    n_rows = max(1, CHUNK // value.shape[1])
    _move(-(-value.shape[0] // n_rows), value, update, number(keep), number(rate), n_rows)
