"""``scratchgpt forecast``: forecast a time series, with intervals."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from scratchgpt.cli.forecast_series import SeriesToForecast
    from scratchgpt.timeseries import ARIMAResults

EPILOG = """Examples:

scratchgpt forecast --example airline --log

scratchgpt forecast data.csv --column sales --steps 24 --auto

scratchgpt forecast data.csv --order 0,1,1 --seasonal 0,1,1,12 --csv

scratchgpt forecast data.csv -c sales --exog price --future plan.csv --json

scratchgpt forecast --example nile --plot nile.png --diagnostics rest.png
"""


class Method(StrEnum):
    """The estimation method for the parameters."""

    mle = "mle"
    css = "css"
    css_mle = "css-mle"


def forecast_command(
    data: Annotated[
        Path | None,
        typer.Argument(
            help="CSV file; the first column holds the times, if there are any.",
            show_default=False,
        ),
    ] = None,
    column: Annotated[
        str | None,
        typer.Option(
            "--column",
            "-c",
            help="Column of the series: its name, or its number starting from 1.",
            show_default="the only one besides the times",
        ),
    ] = None,
    example: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Example series to use instead of a file: nile, airline, sunspots, lynx, huron, "
            "accidents, co2 or presidents.",
            show_default=False,
        ),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(
            "--steps",
            "-n",
            min=1,
            help="Number of steps to forecast.",
            show_default="two seasons, or 10",
        ),
    ] = None,
    auto: Annotated[
        bool,
        typer.Option("--auto", help="Select orders by AICc (the default without --order)."),
    ] = False,
    full: Annotated[
        bool, typer.Option("--full", help="Try all orders instead of a stepwise search.")
    ] = False,
    order: Annotated[
        str | None,
        typer.Option(metavar="p,d,q", help="Orders of the model.", show_default=False),
    ] = None,
    seasonal: Annotated[
        str | None,
        typer.Option(
            metavar="P,D,Q,s",
            help="Seasonal orders of the model; s defaults to --period.",
            show_default=False,
        ),
    ] = None,
    period: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Observations per season; 1 means no season.",
            show_default="inferred from the times",
        ),
    ] = None,
    trend: Annotated[
        str | None,
        typer.Option(
            help="With --order: n (none), c (constant), t (line) or ct (both).",
            show_default="c without differences, else n",
        ),
    ] = None,
    exog: Annotated[
        str | None,
        typer.Option(metavar="NAMES", help="Columns of the regressors: a,b,c.", show_default=False),
    ] = None,
    future: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="CSV file with the regressors for the forecast steps.",
            show_default=False,
        ),
    ] = None,
    log: Annotated[
        bool,
        typer.Option(
            "--log",
            help="Model the logarithm; the output is the median and interval of the values.",
        ),
    ] = False,
    level: Annotated[float, typer.Option(help="Level of the intervals, in percent.")] = 95.0,
    method: Annotated[
        Method | None,
        typer.Option(
            help="With --order: exact maximum likelihood (mle), conditional sum of squares (css), "
            "or css followed by mle.",
            show_default="mle",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print model and forecast as one JSON object.")
    ] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print only the forecast, as CSV.")] = False,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Plot series, fit and forecast (png, svg, pdf).",
            show_default=False,
        ),
    ] = None,
    diagnostics: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Plot residual diagnostics (png, svg, pdf).",
            show_default=False,
        ),
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show each model that --auto tries.")
    ] = False,
) -> None:
    """Fit an ARIMA model to a time series and forecast it.

    The summary and the forecast are printed to standard output, progress and warnings to standard
    error.
    """
    import sys

    from scratchgpt.cli.forecast_output import refuse_other_format, save, write
    from scratchgpt.cli.forecast_series import future_regressors, load_series
    from scratchgpt.timeseries.plots import plot_diagnostics, plot_forecast

    if not 0 < level < 100:
        _refuse(f"{level:g} must be between 0 and 100, for example 95", "--level")
    if as_json and as_csv:
        _refuse("choose one of --json and --csv", "--csv")
    if order is None and (seasonal, trend, method) != (None, None, None):
        _refuse("--seasonal, --trend and --method need --order; add it", "--order")
    if order is not None and (auto or full):
        _refuse("--order excludes --auto and --full, which select the orders; drop one", "--order")
    if (exog is None) != (future is None):
        _refuse(
            "regressors need both --exog (their columns) and --future (their future values)",
            "--exog",
        )
    for path in (plot, diagnostics):
        refuse_other_format(path)

    series = load_series(data, example, column, exog, log=log)
    period = series.period if period is None else period
    steps = steps or (2 * period if period > 1 else 10)
    ahead = future_regressors(future, series.exog_names, steps)
    if order is None:
        results = _select_model(series, period, full=full, verbose=verbose)
    else:
        results = _fit_model(series, period, order, seasonal, trend, method or Method.mle)
    for warning in results.warnings:
        print(f"warning: {warning}", file=sys.stderr)

    write(series, results, steps, ahead, level, "json" if as_json else "csv" if as_csv else "text")
    if plot is not None:
        figure = plot_forecast(
            results,
            steps,
            1 - level / 100,
            exog=ahead,
            labels=series.labels + series.following(steps),
            season=period,
            name=series.name,
            log=log,
        )
        save(figure, plot)
    if diagnostics is not None:
        figure = plot_diagnostics(results, labels=series.labels, season=period)
        save(figure, diagnostics)


def _select_model(
    series: "SeriesToForecast", period: int, *, full: bool, verbose: bool
) -> "ARIMAResults":
    """Select the model with the lowest AICc, and report the search on standard error."""
    import sys
    import time

    from scratchgpt.cli.forecast_series import name_series
    from scratchgpt.timeseries import auto_arima

    def report(tried: Any) -> None:
        result = f"rejected: {tried.refused}" if tried.refused else f"AICc {tried.criterion:.2f}"
        print(f"{tried.name:<44} {result}", file=sys.stderr)

    began = time.perf_counter()
    with name_series(series.name):
        choice = auto_arima(
            series.endog, period, series.exog, full=full, on_tried=report if verbose else None
        )
    seconds = time.perf_counter() - began
    print(
        f"{choice.name}: selected from {len(choice.tried)} models in {seconds:.1f} s",
        file=sys.stderr,
    )
    return choice.results


def _fit_model(
    series: "SeriesToForecast",
    period: int,
    order: str,
    seasonal: str | None,
    trend: str | None,
    method: Method,
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
        return ARIMA(series.endog, series.exog, plain, season, trend).fit(method=method.value)


def _numbers(text: str, option: str, form: str, counts: tuple[int, ...]) -> list[int]:
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) not in counts or min(numbers) < 0:
        _refuse(f"{text!r} must be {form}, all non-negative integers", option)
    return numbers


def _refuse(message: str, option: str) -> None:
    raise typer.BadParameter(message, param_hint=option)
