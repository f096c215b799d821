"""The model of ``scratchgpt forecast``: selected, or with the given orders."""

from typing import TYPE_CHECKING, Any

import typer

from scratchgpt.cli.console import message
from scratchgpt.errors import counted

if TYPE_CHECKING:
    from scratchgpt.cli.forecast_series import SeriesToForecast
    from scratchgpt.timeseries import ARIMAResults


def select_model(
    series: "SeriesToForecast", period: int, *, full: bool, verbose: bool
) -> "ARIMAResults":
    """Select the model with the lowest AICc, and report the search on standard error."""
    import time

    from scratchgpt.cli.forecast_series import name_series
    from scratchgpt.timeseries import auto_arima

    def report(tried: Any) -> None:
        result = f"rejected: {tried.refused}" if tried.refused else f"AICc {tried.criterion:.2f}"
        message(f"{tried.name:<44} {result}")

    began = time.perf_counter()
    with name_series(series.name):
        choice = auto_arima(
            series.endog, period, series.exog, full=full, on_tried=report if verbose else None
        )
    seconds = time.perf_counter() - began
    message(
        f"{choice.name}: selected from {counted(len(choice.tried), 'model')} in {seconds:.1f} s"
    )
    return choice.results


def fit_model(
    series: "SeriesToForecast",
    period: int,
    order: str,
    seasonal: str | None,
    trend: str | None,
    method: str,
) -> "ARIMAResults":
    """Fit the model with the given orders."""
    import warnings

    from scratchgpt.cli.forecast_series import name_series
    from scratchgpt.timeseries import ARIMA

    plain = _numbers(order, "--order", "p,d,q", (3,))
    season = [0, 0, 0, 0]
    if seasonal is not None:
        season = _numbers(seasonal, "--seasonal", "P,D,Q,s", (3, 4))
        season += [period] * (len(season) == 3)
    with name_series(series.name), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # ``results.warnings`` repeats it
        return ARIMA(series.endog, series.exog, plain, season, trend).fit(method=method)


def _numbers(text: str, option: str, form: str, counts: tuple[int, ...]) -> list[int]:
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) not in counts or min(numbers) < 0:
        raise typer.BadParameter(
            f"{text!r} must be {form}, all non-negative integers", param_hint=option
        )
    return numbers
