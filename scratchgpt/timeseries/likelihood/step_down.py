"""The autoregressions of lower orders that have the autocovariances of a given one."""

import decimal
from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array, use_kernels

DIGITS = 100  # near several unit roots, each order cancels up to 16 digits
EXACT_ZERO = decimal.Decimal("1e-50")  # a smaller 1 - r² is 0, apart from rounding


class StepDownSaved(NamedTuple):
    phi: Array  # (p,)
    steps: list[Array]  # the coefficients of order 0, 1, ..., p - 1
    left: Array  # (p,) 1 - r², for the partial autocorrelation r of order 1, ..., p


def step_down_forward(phi: Array) -> tuple[tuple[list[Array], Array], StepDownSaved]:
    r"""Run the Durbin-Levinson recursion backwards, from order p to order 0.

    With the partial autocorrelation :math:`r_k = \phi^{(k)}_k`,

    .. math::
        \phi^{(k-1)}_i = \frac{\phi^{(k)}_i + r_k\, \phi^{(k)}_{k-i}}{1 - r_k^2} \qquad
        \log D_{k-1} = \log D_k - \log (1 - r_k^2)

    starting from :math:`\log D_p = 0`. :math:`D_k` is the variance of the prediction from the last
    k values, and :math:`D_0` that of the process, in units of the noise variance.

    Parameters
    ----------
    phi : array (p,)
        Coefficients of an autoregression.

    Returns
    -------
    steps : list of arrays
        The coefficients of order 0, 1, ..., p - 1.
    logs : array (p,)
        :math:`\log D_0, \dots, \log D_{p-1}`; NaN if the autoregression is not stationary.
    saved : StepDownSaved
    """
    p = len(phi)
    steps, left = [phi] * (p + 1), np.empty(p, phi.dtype)
    logs = np.zeros(p + 1, phi.dtype)
    exact, exact_left = _exact_steps(phi.real)
    for k in range(p, 0, -1):
        r, rest = steps[k][k - 1], steps[k][: k - 1]
        # The recursion cancels digits, so its real part is replaced by the exact value.
        left[k - 1] = exact_left[k - 1] + (1.0 - r * r) - (1.0 - r * r).real
        lower = (rest + r * rest[::-1]) / left[k - 1]
        steps[k - 1] = exact[k - 1] + (lower - lower.real)
        logs[k - 1] = logs[k] - np.log(left[k - 1])
    return (steps[:p], logs[:p]), StepDownSaved(phi, steps[:p], left)


def step_down_backward(dsteps: list[Array], dlogs: Array, saved: StepDownSaved) -> Array:
    """Compute the gradient of phi: (p,)."""
    phi, steps, left = saved
    p, dlog = len(phi), 0.0
    whole, dcoefficients = [*steps, phi], np.zeros(0, phi.dtype)
    for k in range(1, p + 1):
        r, rest = whole[k][k - 1], whole[k][: k - 1]
        drest = (dcoefficients + dsteps[k - 1]) / left[k - 1]
        dlog = dlog + dlogs[k - 1]
        dr = drest @ rest[::-1] + 2.0 * r * (drest @ steps[k - 1] + dlog / left[k - 1])
        dcoefficients = np.append(drest + r * drest[::-1], dr)
    return dcoefficients


def process_variance(phi: Array) -> float:
    """Compute the variance of an autoregression, in units of the noise variance.

    It is infinite or NaN if rounding errors, or the coefficients, make it not stationary.
    """
    if use_kernels(phi, only=np.float64):
        from scratchgpt.kernels.timeseries import autocovariance

        return autocovariance.process_variance(phi)
    variance, row = 1.0, phi.real
    for k in range(len(phi), 0, -1):
        r, rest = row[k - 1], row[: k - 1]
        left = (1.0 - r) * (1.0 + r)
        if not left > 0:
            return np.inf
        row, variance = (rest + r * rest[::-1]) / left, variance / float(left)
    return variance


def is_exactly_stationary(phi: Array) -> bool:
    """Whether all roots of 1 - phi_1 z - ... lie outside the unit circle, without rounding."""
    _, left = _exact_steps(phi)
    return bool((left > 0).all())


def _exact_steps(phi: Array) -> tuple[list[Array], Array]:
    """Return the coefficients of order 0, ..., p - 1, and 1 - r² of order 1, ..., p.

    The decimal numbers have enough digits for the results to be correct after rounding to float64.
    If the autoregression is not stationary, all results after the first r outside of the unit
    circle are NaN.
    """
    p = len(phi)
    steps, left = [np.full(k, np.nan) for k in range(p)], np.full(p, np.nan)
    if not np.isfinite(phi).all():
        return steps, left
    with decimal.localcontext(prec=DIGITS, Emin=decimal.MIN_EMIN, Emax=decimal.MAX_EMAX):
        row = [decimal.Decimal(float(value)) for value in phi]
        for k in range(p, 0, -1):
            r, rest = row[-1], row[:-1]
            room = 1 - r * r
            if not room > EXACT_ZERO:
                break
            row = [(a + r * b) / room for a, b in zip(rest, reversed(rest), strict=True)]
            left[k - 1] = float(room)
            steps[k - 1] = np.array([float(value) for value in row])
    return steps, left
