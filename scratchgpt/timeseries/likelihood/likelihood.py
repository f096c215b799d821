"""The log-likelihood of a regression with ARIMA errors, of its parts put together, and its score.

Parameters stand in the order of statsmodels: the regression's, ar, ma, seasonal ar, seasonal ma,
and sigma2.
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
    counted: Array | None  # bool (n,) where there is an innovation; None where all are
    constant: float = 0.0  # what the diffuse steps add to the log-likelihood


class LikelihoodSaved(NamedTuple):
    innovations: InnovationsSaved
    gaussian: GaussianSaved

    @property
    def sigma2(self) -> Any:
        """Variance of the noise: given, or the best."""
        return self.gaussian.sigma2


def log_likelihood_forward(
    params: Array, y: Array, design: Array, orders: Orders
) -> tuple[Any, LikelihoodSaved]:
    """The exact log-likelihood, diffuse where the series is differenced.

    Of a complete series it is that of its differences, by the O(r) recursions; with missing values
    the Kalman filter runs on the series itself. Where both can, they agree.

    Parameters
    ----------
    params : array (k + p + q + P + Q + 1,)
    y : array (n,)
        NaN where it is missing.
    design : array (n, k)
    orders : Orders
    """
    v, F, innovations = _innovations_forward(params[:-1], y, design, orders)
    llf, gaussian = gaussian_forward(v, F, params[-1])
    return llf + innovations.constant, LikelihoodSaved(innovations, gaussian)


def log_likelihood_backward(dllf: Any, saved: LikelihoodSaved) -> Array:
    """Gradient in params, the score where ``dllf`` is 1."""
    dv, dF, dsigma2 = gaussian_backward(dllf, saved.gaussian)
    return np.append(_innovations_backward(dv, dF, saved.innovations), dsigma2)


def concentrated_forward(
    params: Array, y: Array, design: Array, orders: Orders
) -> tuple[Any, LikelihoodSaved]:
    """:func:`log_likelihood_forward` at the best sigma2, which ``params`` lacks."""
    v, F, innovations = _innovations_forward(params, y, design, orders)
    llf, gaussian = concentrated_gaussian_forward(v, F)
    return llf + innovations.constant, LikelihoodSaved(innovations, gaussian)


def concentrated_backward(dllf: Any, saved: LikelihoodSaved) -> Array:
    """Gradient in the params without sigma2."""
    dv, dF = concentrated_gaussian_backward(dllf, saved.gaussian)
    return _innovations_backward(dv, dF, saved.innovations)


def conditional_log_likelihood_forward(
    params: Array, y: Array, design: Array, orders: Orders
) -> tuple[Any, LikelihoodSaved]:
    """The log-likelihood given the first p + s P differences, by the residuals of the CSS.

    Parameters
    ----------
    params, design, orders
        As for :func:`log_likelihood_forward`.
    y : array (n,)
        Complete.
    """
    e, innovations = _residuals_forward(params[:-1], y, design, orders)
    llf, gaussian = gaussian_forward(e, np.ones_like(e), params[-1])
    return llf, LikelihoodSaved(innovations, gaussian)


def conditional_log_likelihood_backward(dllf: Any, saved: LikelihoodSaved) -> Array:
    """Gradient in params."""
    de, _, dsigma2 = gaussian_backward(dllf, saved.gaussian)
    return np.append(_residuals_backward(de, saved.innovations), dsigma2)


def conditional_forward(
    params: Array, y: Array, design: Array, orders: Orders
) -> tuple[Any, LikelihoodSaved]:
    """:func:`conditional_log_likelihood_forward` at the best sigma2, which ``params`` lacks."""
    e, innovations = _residuals_forward(params, y, design, orders)
    llf, gaussian = concentrated_gaussian_forward(e, np.ones_like(e))
    return llf, LikelihoodSaved(innovations, gaussian)


def conditional_backward(dllf: Any, saved: LikelihoodSaved) -> Array:
    """Gradient in the params without sigma2."""
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
    """The regression's coefficients, phi and theta, and the factors that these are products of.

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
