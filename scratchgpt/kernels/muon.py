"""A step of Muon, whole matrices per thread; see :mod:`scratchgpt.optim.muon` for the reference.

The products of an orthogonalization are short for small matrices. Divided among threads one by one,
most of their time would be waiting. So each thread takes whole matrices, which stay in its cache
from the gradient to the new value. A result has the same bits for any number of threads.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.kernels.compiler.addresses import vector
from scratchgpt.kernels.compiler.jit import part
from scratchgpt.kernels.compiler.parallel import kernel
from scratchgpt.kernels.compiler.threads import n_threads
from scratchgpt.kernels.parts.panels import multiply, scratch_items
from scratchgpt.kernels.parts.scratch import Matrix, Rows, round_up
from scratchgpt.memory import empty, scope

BLOCK = 64  # rows of a symmetric product that are computed together
LINE = 16  # scratch arrays begin at a multiple of so many items


class Factors(NamedTuple):
    """The scalars of a step that are the same for all matrices, all of one dtype."""

    momentum: Any
    gain: Any  # multiplies the gradient
    keep: Any  # multiplies the value
    eps: Any
    a: Any
    b: Any
    c: Any


# A matrix as the kernel receives it: addresses, bytes from row to row, sizes.
_FIELDS = ("share", "value", "grad", "momentum_buffer", "row", "n_rows", "n_columns")
_JOB = np.dtype([*((name, np.int64) for name in _FIELDS), ("rate", np.float64)])


@part
def _average(like, job, factors, nesterov, update):
    """Update the momentum, write what to orthogonalize, and return its sum of squares."""
    momentum, gain, total = factors.momentum, factors.gain, 0.0
    for row in range(job.n_rows):
        g = vector(like, job.grad + row * job.row, job.n_columns)
        m = vector(like, job.momentum_buffer + row * job.row, job.n_columns)
        u = update[row]
        for j in range(u.size):
            m[j] = momentum * m[j] + gain * g[j]
        if nesterov:
            for j in range(u.size):
                u[j] = momentum * m[j] + gain * g[j]
        else:
            for j in range(u.size):
                u[j] = m[j]
        for j in range(u.size):
            total += np.float64(u[j]) * np.float64(u[j])
    return total


@part
def _symmetric_product(like, a, n_sum, out):
    """Compute A A^T: the blocks on and above the diagonal, then a copy below it."""
    n, item = len(out), like.itemsize
    at = np.int64(out.ctypes.data)
    for start in range(0, n, BLOCK):
        rows = min(BLOCK, n - start)
        left = Matrix(a.at + start * a.row, a.row, a.column)
        right = Matrix(left.at, a.column, a.row)
        target = Rows(at + start * (n + 1) * item, n * item)
        multiply(like, left, right, target, rows, n - start, n_sum)
        for i in range(start + rows, n):
            for j in range(start, start + rows):
                out[i, j] = out[j, i]


@part
def _matrix(x):
    """Return the Matrix of a C-contiguous array."""
    return Matrix(np.int64(x.ctypes.data), x.shape[1] * x.itemsize, x.itemsize)


@part
def _iterate(like, now, after, gram, square, factors):
    """Compute one iteration of Newton-Schulz, from ``now`` to ``after``."""
    n_rows, n_columns, n = now.shape[0], now.shape[1], len(gram)
    rows, target = _matrix(now), _matrix(after)
    wide = rows if n_rows <= n_columns else Matrix(rows.at, rows.column, rows.row)
    _symmetric_product(like, wide, max(n_rows, n_columns), gram)
    _symmetric_product(like, _matrix(gram), n, square)
    for i in range(n):
        g, s = gram[i], square[i]
        for j in range(n):
            s[j] = factors.b * g[j] + factors.c * s[j]
        s[i] += factors.a
    polynomial, to = _matrix(square), Rows(target.at, target.row)
    if n_rows <= n_columns:
        multiply(like, polynomial, rows, to, n_rows, n_columns, n)
    else:  # the polynomial is symmetric
        multiply(like, rows, polynomial, to, n_rows, n_columns, n)


@part
def _taken(scratch, start, n_rows, n_columns):
    """Return a matrix in scratch memory, and where the next one begins."""
    stop = start + n_rows * n_columns
    return scratch[start:stop].reshape(n_rows, n_columns), round_up(stop, LINE)


@kernel
def _step(share, scratch, start, jobs, norms, factors, nesterov, n_iterations):
    like = scratch[share]
    for i in range(jobs.size):
        job = jobs[i]
        if job.share != share:
            continue
        n = min(job.n_rows, job.n_columns)
        now, free = _taken(like, start, job.n_rows, job.n_columns)
        after, free = _taken(like, free, job.n_rows, job.n_columns)
        gram, free = _taken(like, free, n, n)
        square, free = _taken(like, free, n, n)
        norms[i] = np.sqrt(_average(like, job, factors, nesterov, now))
        if not np.isfinite(norms[i]):
            continue
        inverse = like.dtype.type(1 / max(norms[i], np.float64(factors.eps)))
        for row in range(job.n_rows):
            x = now[row]
            for j in range(x.size):
                x[j] *= inverse
        for _ in range(n_iterations):
            _iterate(like, now, after, gram, square, factors)
            now, after = after, now
        rate = like.dtype.type(job.rate)
        for row in range(job.n_rows):
            x, u = vector(like, job.value + row * job.row, job.n_columns), now[row]
            for j in range(x.size):
                x[j] = factors.keep * x[j] - rate * u[j]


def step(
    matrices: Sequence[Any],
    *,
    momentum: float,
    gain: float,
    nesterov: bool,
    keep: float,
    eps: float,
    coefficients: tuple[float, float, float],
    n_iterations: int,
) -> Array:
    """Update matrices and their momentum in place.

    Parameters
    ----------
    matrices : sequence of scratchgpt.optim.muon.Matrix
        The three arrays (M, N) of a matrix have equal strides, and their rows are contiguous. The
        update is multiplied by ``rate``. All arrays have one dtype.
    gain : float
        Multiplies the gradient.
    keep : float
        Multiplies the value.

    Returns
    -------
    norms : array (n,)
        float64: of what was orthogonalized. If a norm is not finite, the value is unchanged.
    """
    norms = np.zeros(len(matrices))
    if not matrices:
        return norms
    one = matrices[0].value
    sizes = np.array([matrix.value.shape for matrix in matrices])
    costs = sizes.min(1) ** 2 * (2 * sizes.max(1) + sizes.min(1))
    jobs = np.empty(len(matrices), _JOB)
    jobs["share"] = _divided(costs, min(n_threads(), len(matrices)))
    for name in ("value", "grad", "momentum_buffer"):
        jobs[name] = [getattr(matrix, name).ctypes.data for matrix in matrices]
    jobs["row"] = [matrix.value.strides[0] for matrix in matrices]
    jobs["n_rows"], jobs["n_columns"] = sizes.T
    jobs["rate"] = [matrix.rate for matrix in matrices]
    start = _round_up(scratch_items(one.itemsize))
    needed = start + max(_space(*size) for size in sizes.tolist())
    numbers = (momentum, gain, keep, eps, *coefficients)
    factors = Factors(*(one.dtype.type(x) for x in numbers))
    with scope():
        n_shares = int(jobs["share"].max()) + 1
        scratch = empty((n_shares, needed), like=one)
        _step(n_shares, scratch, start, jobs, norms, factors, nesterov, n_iterations)
    return norms


def _round_up(n: int) -> int:
    return -(-n // LINE) * LINE


def _space(n_rows: int, n_columns: int) -> int:
    """Return the items of scratch memory for a matrix: two of its size, two of its products."""
    return 2 * _round_up(n_rows * n_columns) + 2 * _round_up(min(n_rows, n_columns) ** 2)


def _divided(costs: Array, n: int) -> Array:
    """Assign each matrix to a share: the costliest first, each to the share with the least cost."""
    shares, totals = np.empty(len(costs), np.int64), np.zeros(n)
    for i in np.argsort(-costs, kind="stable"):
        shares[i] = totals.argmin()
        totals[shares[i]] += costs[i]
    return shares
