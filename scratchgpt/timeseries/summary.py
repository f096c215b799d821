"""The text summary of a fitted model."""

import numpy as np

from scratchgpt.escapes import escaped
from scratchgpt.timeseries.diagnostics.ljung_box import ljung_box
from scratchgpt.timeseries.estimates import Estimates

WIDTH = 79


class Summary(str):
    """A string whose repr is the text itself, so that a notebook displays the table."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def summarize(results: Estimates, alpha: float = 0.05) -> Summary:
    """Format the fit, the estimates with their uncertainty, residual tests and warnings."""
    rule = "=" * WIDTH
    lines = [str(results.model.orders).center(WIDTH).rstrip(), rule, *_heading(results), rule]
    lines += [*_estimates(results, alpha), rule, *_residuals(results), rule]
    lines += [f"Warning: {warning}" for warning in results.warnings]
    return Summary("\n".join(lines))


def _heading(results: Estimates) -> list[str]:
    model = results.model
    n_missing = int(np.isnan(model.endog).sum())
    name = "y" if model.index.name is None else str(model.index.name)
    method = {
        "mle": "exact maximum likelihood",
        "css": "conditional sum of squares",
        "css-mle": "conditional sum of squares, then exact ML",
        "given": "parameters given",
    }[results.method]
    left = [
        ("Series", escaped(name)[:24]),
        ("Observations", f"{model.nobs:,}"),
        ("  missing", f"{n_missing:,}"),
        ("  used up by differences", f"{model.nobs - n_missing - model.n_used:,}"),
    ]
    right = [
        ("Log-likelihood", f"{results.llf:.3f}"),
        ("AIC", f"{results.aic:.3f}"),
        ("AICc", f"{results.aicc:.3f}"),
        ("BIC", f"{results.bic:.3f}"),
    ]
    lines = [
        f"{a + ':':<26}{b:>12}   {c + ':':<24}{d:>14}"
        for (a, b), (c, d) in zip(left, right, strict=True)
    ]
    reached = (
        ""
        if results.method == "given"
        else (
            f"; {'converged' if results.converged else 'NOT CONVERGED'} after "
            f"{results.n_iterations} iterations"
        )
    )
    return [*lines, f"Method: {method}{reached}"]


def _estimates(results: Estimates, alpha: float) -> list[str]:
    names = [escaped(name) for name in results.param_names]
    width = max(12, *(min(len(name), 24) for name in names))
    if len({name[:width] for name in names}) < len(names):
        width = max(len(name) for name in names)  # the ends of the names tell them apart
    bounds = results.conf_int(alpha)
    low, high = f"[{float(alpha) / 2:.4g}", f"{1 - float(alpha) / 2:.4g}]"
    lines = [
        f"{'':<{width}}{'coef':>12}{'std err':>11}{'z':>10}{'P>|z|':>9}{low:>12}{high:>12}",
        "-" * WIDTH,
    ]
    columns = np.column_stack(
        [results.params, results.bse, results.tvalues, results.pvalues, bounds]
    )
    for name, (value, error, t, p, lower, upper) in zip(names, columns, strict=True):
        lines.append(
            f"{name[:width]:<{width}}{value:>12.5g}{error:>11.4g}{t:>10.3f}{p:>9.3f}"
            f"{lower:>12.5g}{upper:>12.5g}"
        )
    return lines


def _residuals(results: Estimates) -> list[str]:
    """Test the residuals for correlation (Ljung-Box) and for normality (Jarque-Bera)."""
    from scipy.special import chdtrc

    residuals = np.asarray(results.standardized_resid)
    residuals = residuals[np.isfinite(residuals)]
    n, s = len(residuals), results.model.orders.s
    lags = max(1, min(2 * s if s > 1 else 10, n // 5))  # Hyndman and Athanasopoulos
    n_coefficients = sum(results.model.orders.n_coefficients)
    lags = max(lags, n_coefficients + 1)
    test = ljung_box(residuals, lags, n_parameters=n_coefficients)
    centered = residuals - residuals.mean()
    skew = (centered**3).mean() / (centered**2).mean() ** 1.5
    kurtosis = (centered**4).mean() / (centered**2).mean() ** 2
    jarque_bera = n / 6 * (skew**2 + (kurtosis - 3) ** 2 / 4)
    return [
        f"Ljung-Box, {lags} lags: Q = {test.statistic[0]:.2f}, p = {test.p_value[0]:.3f}",
        f"Jarque-Bera: {jarque_bera:.2f}, p = {chdtrc(2, jarque_bera):.3f}, "
        f"skew {skew:.2f}, kurtosis {kurtosis:.2f}",
    ]
