"""One step of the state of an integrated ARMA process: the matrix T, which is never formed.

The state has Harvey's r elements of the ARMA process, and after them, where the series is
differenced, its latest values, the latest first.
"""

import numpy as np

from scratchgpt.backend import Array


def observation(r: int, delta: Array) -> Array:
    """Z, which makes y_t of the state: (m,)."""
    return np.concatenate(([1.0], np.zeros(r - 1), delta))


def advance(x: Array, ar: Array, Z: Array | None = None) -> Array:
    """T x, the columns of x one step later.

    Parameters
    ----------
    x : array (m, ...)
    ar : array (r,)
        phi, then zeros.
    Z : array (m,), optional
        Of :func:`observation`; without differences, where m is r, it is not needed.
    """
    r = len(ar)
    later = np.empty_like(x)
    later[:r] = np.multiply.outer(ar, x[0])
    later[: r - 1] += x[1:r]
    if len(x) > r:
        assert Z is not None
        later[r] = Z @ x
        later[r + 1 :] = x[r:-1]
    return later


def advance_backward(dlater: Array, ar: Array, Z: Array | None = None) -> Array:
    """T' dlater: (m, ...)."""
    r = len(ar)
    dx = np.empty_like(dlater)
    dx[0] = ar @ dlater[:r]
    dx[1:r] = dlater[: r - 1]
    if len(dx) > r:
        assert Z is not None
        dx[r:-1] = dlater[r + 1 :]
        dx[-1] = 0.0
        dx += np.multiply.outer(Z, dlater[r])
    return dx
