"""The Gaussian log-likelihood of innovations."""

import math
from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array

LOG_2_PI = math.log(2 * math.pi)


class SumsSaved(NamedTuple):
    F: Array  # (n,)
    scaled: Array  # (n,) v / F


class DensitySaved(NamedTuple):
    n: int
    sigma2: Any  # the given value, or the maximum likelihood estimate
    squares: Any  # the sum of v² / F


class GaussianSaved(NamedTuple):
    sums: SumsSaved
    density: DensitySaved

    @property
    def sigma2(self) -> Any:
        """Variance of the noise: the given value or the maximum likelihood estimate."""
        return self.density.sigma2


def sums_forward(v: Array, F: Array) -> tuple[tuple[Any, Any], SumsSaved]:
    r"""Compute :math:`\sum_t v_t^2 / F_t` and :math:`\sum_t \log F_t`."""
    scaled = v / F
    return (v @ scaled, np.log(F).sum()), SumsSaved(F, scaled)


def sums_backward(dsquares: Any, dlogs: Any, saved: SumsSaved) -> tuple[Array, Array]:
    """Compute the gradients of v and F."""
    F, scaled = saved
    return 2.0 * dsquares * scaled, -dsquares * scaled * scaled + dlogs / F


def density_forward(
    n: int, squares: Any, logs: Any, sigma2: Any = None
) -> tuple[Any, DensitySaved]:
    r"""Compute the log-density of n innovations from the two sums that it depends on.

    .. math:: -\tfrac12 \Big(n \log 2\pi\sigma^2 + \sum_t \log F_t
              + \frac{1}{\sigma^2} \sum_t \frac{v_t^2}{F_t}\Big)

    Parameters
    ----------
    n : int
    squares, logs : scalar
        The results of :func:`sums_forward`.
    sigma2 : scalar, optional
        By default the value that maximizes the density, ``squares / n``.
    """
    if sigma2 is None:
        sigma2 = squares / n
        llf = -0.5 * (n * (LOG_2_PI + np.log(sigma2) + 1.0) + logs)
    else:
        llf = -0.5 * (n * (LOG_2_PI + np.log(sigma2)) + logs + squares / sigma2)
    return llf, DensitySaved(n, sigma2, squares)


def density_backward(dllf: Any, saved: DensitySaved) -> tuple[Any, Any, Any]:
    """Compute the gradients of squares, logs and sigma2; the last is 0 at the maximum."""
    n, sigma2, squares = saved
    return -0.5 * dllf / sigma2, -0.5 * dllf, 0.5 * dllf * (squares / sigma2 - n) / sigma2


def gaussian_forward(v: Array, F: Array, sigma2: Any) -> tuple[Any, GaussianSaved]:
    r"""Compute the log-density of independent innovations :math:`v_t \sim N(0, \sigma^2 F_t)`.

    .. math:: -\tfrac12 \sum_t \Big(\log 2\pi\sigma^2 + \log F_t + \frac{v_t^2}{\sigma^2 F_t}\Big)

    Parameters
    ----------
    v, F : array (n,)
    sigma2 : scalar
    """
    found, sums = sums_forward(v, F)
    llf, density = density_forward(len(v), *found, sigma2)
    return llf, GaussianSaved(sums, density)


def gaussian_backward(dllf: Any, saved: GaussianSaved) -> tuple[Array, Array, Any]:
    """Compute the gradients of v, F and sigma2."""
    dsquares, dlogs, dsigma2 = density_backward(dllf, saved.density)
    return *sums_backward(dsquares, dlogs, saved.sums), dsigma2


def concentrated_gaussian_forward(v: Array, F: Array) -> tuple[Any, GaussianSaved]:
    r"""Compute the log-density at the :math:`\sigma^2` that maximizes it.

    The maximizing :math:`\hat\sigma^2` is the mean of :math:`v_t^2 / F_t`.

    .. math:: -\tfrac12 \Big(n (\log 2\pi\hat\sigma^2 + 1) + \sum_t \log F_t\Big)
    """
    return gaussian_forward(v, F, None)


def concentrated_gaussian_backward(dllf: Any, saved: GaussianSaved) -> tuple[Array, Array]:
    """Compute the gradients of v and F, at the sigma2 whose own derivative is 0."""
    dv, dF, _ = gaussian_backward(dllf, saved)
    return dv, dF
