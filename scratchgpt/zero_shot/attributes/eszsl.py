"""ESZSL: one matrix between features and attributes, in closed form."""

from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.zero_shot.attributes.method import Constants, Method

EXPONENTS = range(-3, 4)  # of the powers of 10 among which gamma and lambda are chosen


class ESZSLSaved(NamedTuple):
    v: Array  # (d, m)
    x: Array  # (N, d)
    s: Array  # (K, m)
    vs: Array  # (d, K)
    residual: Array  # (N, K)
    xv: Array  # (N, m)
    gamma: float
    lam: float


def eszsl_loss_forward(
    v: Array, x: Array, signs: Array, s: Array, gamma: float, lam: float
) -> tuple[Any, ESZSLSaved]:
    r"""Compute the loss of ESZSL (Romera-Paredes and Torr 2015, equations 3 and 4).

    .. math::
        \ell = \lVert X V S^\top - Y \rVert^2 + \gamma \lVert V S^\top \rVert^2
             + \lambda \lVert X V \rVert^2 + \gamma \lambda \lVert V \rVert^2

    Here a row is an example or a class, while the paper has them in columns.

    Parameters
    ----------
    v : array (d, m)
    x : array (N, d)
    signs : array (N, K)
        :math:`Y`: 1 for the class of the example, -1 for all other classes.
    s : array (K, m)
    gamma, lam : float

    Returns
    -------
    loss : scalar
    saved : ESZSLSaved
    """
    vs, xv = v @ s.T, x @ v  # (d, K), (N, m)
    residual = xv @ s.T - signs  # (N, K)
    loss = _square(residual) + gamma * _square(vs) + lam * _square(xv) + gamma * lam * _square(v)
    return loss, ESZSLSaved(v, x, s, vs, residual, xv, gamma, lam)


def eszsl_loss_backward(dloss: Any, saved: ESZSLSaved) -> Array:
    """Return the gradient with respect to V."""
    v, x, s, vs, residual, xv, gamma, lam = saved
    dv = x.T @ residual @ s + gamma * vs @ s + lam * x.T @ xv + gamma * lam * v
    return dloss * 2.0 * dv


def _square(x: Array) -> Any:
    return (x * x).sum()


class ESZSL(Method):
    r"""Embarrassingly simple zero-shot learning (Romera-Paredes and Torr, ICML 2015).

    A class with attributes :math:`s` has the score :math:`x^\top V s` for features :math:`x`, with

    .. math::
        V = (X^\top X + \gamma I)^{-1} X^\top Y S (S^\top S + \lambda I)^{-1}

    where Y is 1 for the class of the example and -1 for the others. Attributes may be continuous.

    Parameters
    ----------
    gamma, lam : float, optional
        By default, both are chosen among :math:`10^{-3}, \ldots, 10^3` on held-out classes.
    seed : int
        Random seed for the held-out classes.

    Attributes
    ----------
    constants : dict
        gamma and lam of the fitted model.
    v : array (d, m)

    Examples
    --------
    >>> import numpy as np
    >>> from scratchgpt.zero_shot import ESZSL
    >>> S = np.array([[1, 0, 0], [0, 1, 0], [1, 0, 1.0]])  # attributes of three classes
    >>> X, y = S[[0, 0, 1, 2]], np.array([0, 0, 1, 2])  # features that are the attributes
    >>> model = ESZSL(gamma=0.1, lam=0.1).fit(X, y, S)
    >>> model.predict(np.array([[0, 1, 1.0]]), np.array([[1, 1, 0], [0, 1, 1.0]]))
    array([1])
    """

    def __init__(
        self, *, gamma: float | None = None, lam: float | None = None, seed: int = 0
    ) -> None:
        super().__init__({"gamma": gamma, "lam": lam}, seed)

    def grid(self) -> list[Constants]:
        powers = [10.0**k for k in EXPONENTS]
        return self._grid({"gamma": powers, "lam": powers})

    def fit_grid(self, x: Array, y: Array, s: Array, grid: list[Constants]) -> list[Array]:
        signs = np.where(y[:, None] == np.arange(len(s)), 1.0, -1.0)  # (N, K)
        gram, targets, attributes = x.T @ x, x.T @ signs @ s, s.T @ s
        left: dict[float, Array] = {}
        matrices = []
        for constants in grid:
            gamma, lam = constants["gamma"], constants["lam"]
            if gamma not in left:
                left[gamma] = np.linalg.solve(gram + gamma * np.eye(len(gram)), targets)
            right = attributes + lam * np.eye(len(attributes))  # symmetric
            matrices.append(np.linalg.solve(right, left[gamma].T).T)
        return matrices

    @property
    def v(self) -> Array:
        """The matrix V (d, m)."""
        return self.fitted.parameters

    def scores_from(self, v: Array, x: Array, s: Array, s_seen: Array) -> Array:
        return x @ v @ s.T
