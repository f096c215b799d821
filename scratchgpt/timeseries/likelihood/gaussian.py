"""The Gaussian log-likelihood of innovations."""

import math
from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array

LOG_2_PI = math.log(2 * math.pi)


class GaussianSaved(NamedTuple):
    v: Array  # (n,)
    F: Array  # (n,)
    scaled: Array  # (n,) v / F
    sigma2: Any  # the given value, or the maximum likelihood estimate
    squares: Any  # the sum of v² / F


def gaussian_forward(v: Array, F: Array, sigma2: Any) -> tuple[Any, GaussianSaved]:
    r"""Compute the log-density of independent innovations :math:`v_t \sim N(0, \sigma^2 F_t)`.

    .. math:: -\tfrac12 \sum_t \Big(\log 2\pi\sigma^2 + \log F_t + \frac{v_t^2}{\sigma^2 F_t}\Big)

    Parameters
    ----------
    v, F : array (n,)
    sigma2 : scalar
    """
    scaled = v / F
    squares = v @ scaled
    llf = -0.5 * (len(v) * (LOG_2_PI + np.log(sigma2)) + np.log(F).sum() + squares / sigma2)
    return llf, GaussianSaved(v, F, scaled, sigma2, squares)


def gaussian_backward(dllf: Any, saved: GaussianSaved) -> tuple[Array, Array, Any]:
    """Compute the gradients of v, F and sigma2."""
    scaled, sigma2 = saved.scaled, saved.sigma2
    dv = (-dllf / sigma2) * scaled
    dF = (0.5 * dllf / sigma2) * scaled * scaled - (0.5 * dllf) / saved.F
    dsigma2 = 0.5 * dllf * (saved.squares / sigma2 - len(scaled)) / sigma2
    return dv, dF, dsigma2


def concentrated_gaussian_forward(v: Array, F: Array) -> tuple[Any, GaussianSaved]:
    r"""Compute the log-density at the :math:`\sigma^2` that maximizes it.

    The maximizing :math:`\hat\sigma^2` is the mean of :math:`v_t^2 / F_t`.

    .. math:: -\tfrac12 \Big(n (\log 2\pi\hat\sigma^2 + 1) + \sum_t \log F_t\Big)
    """
    scaled = v / F
    squares = v @ scaled
    sigma2 = squares / len(v)
    llf = -0.5 * (len(v) * (LOG_2_PI + np.log(sigma2) + 1.0) + np.log(F).sum())
    return llf, GaussianSaved(v, F, scaled, sigma2, squares)


def concentrated_gaussian_backward(dllf: Any, saved: GaussianSaved) -> tuple[Array, Array]:
    """Compute the gradients of v and F, at the sigma2 whose own derivative is 0."""
    dv, dF, _ = gaussian_backward(dllf, saved)
    return dv, dF
