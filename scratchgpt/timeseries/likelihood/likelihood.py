"""The log-likelihood of a regression with ARIMA errors, and its gradient (the score).

The parameters have the order of statsmodels: regression, ar, ma, seasonal ar, seasonal ma, sigma2.
"""

from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.timeseries.likelihood.css import css_backward, css_forward
from scratchgpt.timeseries.likelihood.differencing import difference, difference_backward
from scratchgpt.timeseries.likelihood.gaussian import (
    DensitySaved,
    GaussianSaved,
    concentrated_gaussian_backward,
    concentrated_gaussian_forward,
    density_backward,
    density_forward,
    gaussian_backward,
    gaussian_forward,
)
from scratchgpt.timeseries.likelihood.innovations import innovations_backward, innovations_forward
from scratchgpt.timeseries.likelihood.polynomials import (
    ExpandSaved,
    expand_backward,
    expand_forward,
)
from scratchgpt.timeseries.orders import Orders


class RegressionSaved(NamedTuple):
    design: Array  # (n, k)
    orders: Orders
    polynomials: ExpandSaved
    inner: Any  # InnovationsSaved, or CssSaved


class LikelihoodSaved(NamedTuple):
    regression: RegressionSaved
    density: DensitySaved | GaussianSaved  # the latter for the conditional likelihood

    @property
    def sigma2(self) -> Any:
        """Variance of the noise: the given value or the maximum likelihood estimate."""
        return self.density.sigma2


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
    return _exact_forward(params[:-1], y, design, orders, params[-1])


def log_likelihood_backward(dllf: Any, saved: LikelihoodSaved) -> Array:
    """Compute the gradient of params; with ``dllf`` = 1, this is the score."""
    dparams, dsigma2 = _exact_backward(dllf, saved)
    return np.append(dparams, dsigma2)


def concentrated_forward(
    params: Array, y: Array, design: Array, orders: Orders
) -> tuple[Any, LikelihoodSaved]:
    """Compute the exact log-likelihood at the sigma2 that maximizes it.

    The arguments are those of :func:`log_likelihood_forward`, with sigma2 left out of ``params``.
    """
    return _exact_forward(params, y, design, orders)


def concentrated_backward(dllf: Any, saved: LikelihoodSaved) -> Array:
    """Compute the gradient of the params without sigma2."""
    return _exact_backward(dllf, saved)[0]


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
    e, regression = _residuals_forward(params[:-1], y, design, orders)
    llf, gaussian = gaussian_forward(e, np.ones_like(e), params[-1])
    return llf, LikelihoodSaved(regression, gaussian)


def conditional_log_likelihood_backward(dllf: Any, saved: LikelihoodSaved) -> Array:
    """Compute the gradient of params."""
    assert isinstance(saved.density, GaussianSaved)
    de, _, dsigma2 = gaussian_backward(dllf, saved.density)
    return np.append(_residuals_backward(de, saved.regression), dsigma2)


def conditional_forward(
    params: Array, y: Array, design: Array, orders: Orders
) -> tuple[Any, LikelihoodSaved]:
    """Compute the conditional log-likelihood at the sigma2 that maximizes it.

    The arguments are those of :func:`conditional_log_likelihood_forward`, with sigma2 left out of
    ``params``.
    """
    e, regression = _residuals_forward(params, y, design, orders)
    llf, gaussian = concentrated_gaussian_forward(e, np.ones_like(e))
    return llf, LikelihoodSaved(regression, gaussian)


def conditional_backward(dllf: Any, saved: LikelihoodSaved) -> Array:
    """Compute the gradient of the params without sigma2."""
    assert isinstance(saved.density, GaussianSaved)
    de, _ = concentrated_gaussian_backward(dllf, saved.density)
    return _residuals_backward(de, saved.regression)


def _exact_forward(
    params: Array, y: Array, design: Array, orders: Orders, sigma2: Any = None
) -> tuple[Any, LikelihoodSaved]:
    beta, coefficients, polynomials = coefficients_forward(params, design, orders)
    differences = orders.d, orders.D, max(orders.s, 1)
    sums, inner = innovations_forward(y - design @ beta, *coefficients, *differences)
    llf, density = density_forward(sums.n, sums.squares, sums.logs, sigma2)
    regression = RegressionSaved(design, orders, polynomials, inner)
    return llf + sums.constant, LikelihoodSaved(regression, density)


def _exact_backward(dllf: Any, saved: LikelihoodSaved) -> tuple[Array, Any]:
    assert isinstance(saved.density, DensitySaved)
    dsquares, dlogs, dsigma2 = density_backward(dllf, saved.density)
    gradients = innovations_backward(dsquares, dlogs, saved.regression.inner)
    return _coefficients_backward(*gradients, saved.regression), dsigma2


def _residuals_forward(
    params: Array, y: Array, design: Array, orders: Orders
) -> tuple[Array, RegressionSaved]:
    beta, (phi, theta), polynomials = coefficients_forward(params, design, orders)
    w = difference(y - design @ beta, orders.d, orders.D, max(orders.s, 1))
    e, inner = css_forward(w, phi, theta)
    return e, RegressionSaved(design, orders, polynomials, inner)


def _residuals_backward(de: Array, saved: RegressionSaved) -> Array:
    orders = saved.orders
    dw, dphi, dtheta = css_backward(de, saved.inner)
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


def _coefficients_backward(du: Array, dphi: Array, dtheta: Array, saved: RegressionSaved) -> Array:
    factors = expand_backward(dphi, dtheta, saved.polynomials)
    return np.concatenate([-(saved.design.T @ du), *factors])
