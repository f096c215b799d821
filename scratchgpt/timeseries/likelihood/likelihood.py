"""The log-likelihood of a regression with ARIMA errors, and its gradient (the score).

The parameters have the order of statsmodels: regression, ar, ma, seasonal ar, seasonal ma, sigma2.
"""

from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.timeseries.likelihood.arma_filter import arma_filter_backward, arma_filter_forward
from scratchgpt.timeseries.likelihood.css import css_backward, css_forward
from scratchgpt.timeseries.likelihood.differencing import difference, difference_backward
from scratchgpt.timeseries.likelihood.gaussian import (
    GaussianSaved,
    concentrated_gaussian_backward,
    concentrated_gaussian_forward,
    gaussian_backward,
    gaussian_forward,
)
from scratchgpt.timeseries.likelihood.kalman import kalman_backward, kalman_forward
from scratchgpt.timeseries.likelihood.polynomials import (
    ExpandSaved,
    expand_backward,
    expand_forward,
)
from scratchgpt.timeseries.orders import Orders


class InnovationsSaved(NamedTuple):
    design: Array  # (n, k)
    orders: Orders
    polynomials: ExpandSaved
    filter: Any  # ArmaFilterSaved, KalmanSaved, or CssSaved
    counted: Array | None  # bool (n,) whether a value has an innovation; None if all have one
    constant: float = 0.0  # the contribution of the diffuse steps to the log-likelihood


class LikelihoodSaved(NamedTuple):
    innovations: InnovationsSaved
    gaussian: GaussianSaved

    @property
    def sigma2(self) -> Any:
        """Variance of the noise: the given value or the maximum likelihood estimate."""
        return self.gaussian.sigma2


def log_likelihood_forward(
    params: Array, y: Array, design: Array, orders: Orders
) -> tuple[Any, LikelihoodSaved]:
    """Compute the exact log-likelihood, with a diffuse start if the model has differences.

    For a complete series, this is the log-likelihood of its differences, by the O(r) recursions.
    With missing values, the Kalman filter runs on the series itself. For a complete series, both
    agree.

    Parameters
    ----------
    params : array (k + p + q + P + Q + 1,)
    y : array (n,)
        NaN marks a missing value.
    design : array (n, k)
    orders : Orders
    """
    v, F, innovations = _innovations_forward(params[:-1], y, design, orders)
    llf, gaussian = gaussian_forward(v, F, params[-1])
    return llf + innovations.constant, LikelihoodSaved(innovations, gaussian)


def log_likelihood_backward(dllf: Any, saved: LikelihoodSaved) -> Array:
    """Compute the gradient of params; with ``dllf`` = 1, this is the score."""
    dv, dF, dsigma2 = gaussian_backward(dllf, saved.gaussian)
    return np.append(_innovations_backward(dv, dF, saved.innovations), dsigma2)


def concentrated_forward(
    params: Array, y: Array, design: Array, orders: Orders
) -> tuple[Any, LikelihoodSaved]:
    """Compute the exact log-likelihood at the sigma2 that maximizes it.

    The arguments are those of :func:`log_likelihood_forward`, with sigma2 left out of ``params``.
    """
    v, F, innovations = _innovations_forward(params, y, design, orders)
    llf, gaussian = concentrated_gaussian_forward(v, F)
    return llf + innovations.constant, LikelihoodSaved(innovations, gaussian)


def concentrated_backward(dllf: Any, saved: LikelihoodSaved) -> Array:
    """Compute the gradient of the params without sigma2."""
    dv, dF = concentrated_gaussian_backward(dllf, saved.gaussian)
    return _innovations_backward(dv, dF, saved.innovations)


def conditional_log_likelihood_forward(
    params: Array, y: Array, design: Array, orders: Orders
) -> tuple[Any, LikelihoodSaved]:
    """Compute the log-likelihood given the first p + s P differences, from the CSS residuals.

    Parameters
    ----------
    params, design, orders
        As in :func:`log_likelihood_forward`.
    y : array (n,)
        The series, without missing values.
    """
    e, innovations = _residuals_forward(params[:-1], y, design, orders)
    llf, gaussian = gaussian_forward(e, np.ones_like(e), params[-1])
    return llf, LikelihoodSaved(innovations, gaussian)


def conditional_log_likelihood_backward(dllf: Any, saved: LikelihoodSaved) -> Array:
    """Compute the gradient of params."""
    de, _, dsigma2 = gaussian_backward(dllf, saved.gaussian)
    return np.append(_residuals_backward(de, saved.innovations), dsigma2)


def conditional_forward(
    params: Array, y: Array, design: Array, orders: Orders
) -> tuple[Any, LikelihoodSaved]:
    """Compute the conditional log-likelihood at the sigma2 that maximizes it.

    The arguments are those of :func:`conditional_log_likelihood_forward`, with sigma2 left out of
    ``params``.
    """
    e, innovations = _residuals_forward(params, y, design, orders)
    llf, gaussian = concentrated_gaussian_forward(e, np.ones_like(e))
    return llf, LikelihoodSaved(innovations, gaussian)


def conditional_backward(dllf: Any, saved: LikelihoodSaved) -> Array:
    """Compute the gradient of the params without sigma2."""
    de, _ = concentrated_gaussian_backward(dllf, saved.gaussian)
    return _residuals_backward(de, saved.innovations)


def _innovations_forward(
    params: Array, y: Array, design: Array, orders: Orders
) -> tuple[Array, Array, InnovationsSaved]:
    beta, (phi, theta), polynomials = coefficients_forward(params, design, orders)
    u = y - design @ beta
    d, D, s = orders.d, orders.D, max(orders.s, 1)
    if np.isnan(y).any():
        (v, F), kalman = kalman_forward(u, phi, theta, d, D, s)
        counted = ~np.isnan(F)
        constant = -0.5 * kalman.steps.log_variance
        saved = InnovationsSaved(design, orders, polynomials, kalman, counted, constant)
        return v[counted], F[counted], saved
    (v, F), inner = arma_filter_forward(difference(u, d, D, s), phi, theta)
    return v, F, InnovationsSaved(design, orders, polynomials, inner, None)


def _innovations_backward(dv: Array, dF: Array, saved: InnovationsSaved) -> Array:
    orders, counted = saved.orders, saved.counted
    if counted is None:
        dw, dphi, dtheta = arma_filter_backward(dv, dF, saved.filter)
        du = difference_backward(dw, orders.d, orders.D, max(orders.s, 1))
    else:
        every_dv, every_dF = np.zeros((2, len(counted)), dv.dtype)
        every_dv[counted], every_dF[counted] = dv, dF
        du, dphi, dtheta = kalman_backward(every_dv, every_dF, saved.filter)
    return _coefficients_backward(du, dphi, dtheta, saved)


def _residuals_forward(
    params: Array, y: Array, design: Array, orders: Orders
) -> tuple[Array, InnovationsSaved]:
    beta, (phi, theta), polynomials = coefficients_forward(params, design, orders)
    w = difference(y - design @ beta, orders.d, orders.D, max(orders.s, 1))
    e, inner = css_forward(w, phi, theta)
    return e, InnovationsSaved(design, orders, polynomials, inner, None)


def _residuals_backward(de: Array, saved: InnovationsSaved) -> Array:
    orders = saved.orders
    dw, dphi, dtheta = css_backward(de, saved.filter)
    du = difference_backward(dw, orders.d, orders.D, max(orders.s, 1))
    return _coefficients_backward(du, dphi, dtheta, saved)


def coefficients_forward(
    params: Array, design: Array, orders: Orders
) -> tuple[Array, tuple[Array, Array], ExpandSaved]:
    """Split params into regression coefficients and factors, and expand the factors to phi, theta.

    Parameters
    ----------
    params : array (k + p + q + P + Q,)
        Without sigma2.
    design : array (n, k)
    orders : Orders
    """
    k, p, q, P = design.shape[1], orders.p, orders.q, orders.P
    ar, ma = params[k : k + p], params[k + p : k + p + q]
    seasonal = params[k + p + q :]
    coefficients, saved = expand_forward(ar, ma, seasonal[:P], seasonal[P:], max(orders.s, 1))
    return params[:k], coefficients, saved


def _coefficients_backward(du: Array, dphi: Array, dtheta: Array, saved: InnovationsSaved) -> Array:
    factors = expand_backward(dphi, dtheta, saved.polynomials)
    return np.concatenate([-(saved.design.T @ du), *factors])
