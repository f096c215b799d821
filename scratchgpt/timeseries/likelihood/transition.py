"""The transition of the state of an integrated ARMA process, without forming its matrix T.

The state consists of Harvey's r elements of the ARMA process. If the series is differenced, its
latest values follow, the latest first.
"""

import numpy as np

from scratchgpt.backend import Array


def observation(r: int, delta: Array) -> Array:
    """Return Z, which maps the state to y_t: (m,)."""
    return np.concatenate(([1.0], np.zeros(r - 1), delta))


def advance(x: Array, ar: Array, Z: Array | None = None) -> Array:
    """Compute T x, the columns of x one step later.

    Parameters
    ----------
    x : array (m, ...)
    ar : array (r,)
        phi, then zeros.
    Z : array (m,), optional
        The result of :func:`observation`; not needed without differences, when m equals r.
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
    """Compute T' dlater: (m, ...)."""
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
