"""Newton-Schulz: a matrix whose singular values are all made about 1 by products alone.

Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks",
https://kellerjordan.github.io/posts/muon/. The published iteration multiplies in bfloat16; here the
products have the precision of the matrix.
"""

import math
from typing import Any

import numpy as np

from scratchgpt.backend import Array, on_host
from scratchgpt.memory import empty, scope
from scratchgpt.optim.clip import global_norm
from scratchgpt.precision import multiply

# Jordan's: of the polynomials that keep singular values near 1, one with a steep slope at 0.
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
N_ITERATIONS = 5
EPS = 1e-7  # the smallest norm that is divided by


def newton_schulz(
    x: Array,
    *,
    n_iterations: int = N_ITERATIONS,
    coefficients: tuple[float, float, float] = COEFFICIENTS,
) -> Array:
    r"""Make all singular values of a matrix about 1, and keep its singular vectors.

    With :math:`X_0 = X / \lVert X \rVert_F` and the coefficients a, b, c, each iteration is

    .. math:: X \leftarrow \bigl(a I + b\,X X^\top + c\,(X X^\top)^2\bigr) X

    so that each singular value :math:`\sigma` becomes
    :math:`a \sigma + b \sigma^3 + c \sigma^5`. For a tall matrix, the products are those of
    its transpose, which are smaller. Singular values much smaller than the norm stay small.

    Parameters
    ----------
    x : array (M, N)
        float32 or float64. A row or a column of it need not be contiguous.
    n_iterations : int
    coefficients : (float, float, float)
        a, b and c. With Jordan's, five iterations bring all singular values of at least 0.01 times
        the norm to between 0.68 and 1.14.

    Returns
    -------
    y : array (M, N)
        C-contiguous, from :func:`scratchgpt.memory.empty`.

    Raises
    ------
    TypeError
        If x is not real.
    ValueError
        If x is not a matrix, or has values that are NaN or infinite.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).standard_normal((3, 5))
    >>> sizes = np.linalg.svd(newton_schulz(x), compute_uv=False)
    >>> bool(sizes.min() > 0.65 and sizes.max() < 1.2)
    True
    """
    if x.dtype.kind != "f":
        raise TypeError(f"newton_schulz: x is {x.dtype}; use float32 or float64")
    if x.ndim != 2:
        raise ValueError(f"newton_schulz: x is {x.shape}; use a matrix (M, N)")
    y = empty(x.shape, like=x)
    with scope():
        other, n = empty(x.shape, like=x), min(x.shape)
        gram, square = empty((n, n), like=x), empty((n, n), like=x)
        # The iterations write to the two arrays in turn, and the last one writes to y.
        now, after = (other, y) if n_iterations % 2 else (y, other)
        now[...] = x
        _divide_by_norm(now)
        a, b, c = coefficients
        for _ in range(n_iterations):
            wide, target = (now, after) if x.shape[0] <= x.shape[1] else (now.T, after.T)
            multiply(wide, wide.T, out=gram)
            multiply(gram, gram, out=square)
            square *= c
            gram *= b
            square += gram
            square.reshape(-1)[:: n + 1] += a  # its diagonal
            multiply(square, wide, out=target)
            now, after = after, now
    return y


def _divide_by_norm(x: Array) -> None:
    """Divide a matrix by its Frobenius norm, which is at least its largest singular value."""
    norm: Any = global_norm(x.reshape(-1))
    if not on_host(x):
        x /= np.maximum(norm, EPS).astype(x.dtype)
        return
    if not math.isfinite(norm):
        raise ValueError(f"newton_schulz: the norm of x is {norm}; x has NaN or infinite values")
    x /= max(norm, EPS)
