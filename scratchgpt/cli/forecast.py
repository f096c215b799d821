"""``scratchgpt forecast``: continue a series of numbers, with intervals."""

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
    """How parameters are estimated."""

    mle = "mle"
    css = "css"
    css_mle = "css-mle"


def forecast_command(
    data: Annotated[
        Path | None,
        typer.Argument(
            help="A CSV file, the times in its first column if it has some.", show_default=False
        ),
    ] = None,
    column: Annotated[
        str | None,
        typer.Option(
            "--column",
            "-c",
            help="The series: name of its column, or number from 1.",
            show_default="the only one beside the times",
        ),
    ] = None,
    example: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Instead of a file: nile, airline, sunspots, lynx, huron, accidents, co2 or "
            "presidents.",
            show_default=False,
        ),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option("--steps", "-n", min=1, help="How far.", show_default="two seasons, or 10"),
    ] = None,
    auto: Annotated[
        bool, typer.Option("--auto", help="Choose the orders by AICc; so without --order too.")
    ] = False,
    full: Annotated[
        bool, typer.Option("--full", help="Choose among all orders instead of walking.")
    ] = False,
    order: Annotated[
        str | None,
        typer.Option(metavar="p,d,q", help="Orders of the model.", show_default=False),
    ] = None,
    seasonal: Annotated[
        str | None,
        typer.Option(
            metavar="P,D,Q,s", help="Its seasonal orders; s may be left out.", show_default=False
        ),
    ] = None,
    period: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Observations per season; 1 is none.",
            show_default="what the times say",
        ),
    ] = None,
    trend: Annotated[
        str | None,
        typer.Option(
            help="With --order: n for none, c constant, t line, ct both.",
            show_default="c where no difference is taken, else n",
        ),
    ] = None,
    exog: Annotated[
        str | None,
        typer.Option(metavar="NAMES", help="Columns of regressors, a,b,c.", show_default=False),
    ] = None,
    future: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="CSV with those columns for the times ahead.", show_default=False
        ),
    ] = None,
    log: Annotated[
        bool,
        typer.Option("--log", help="Model the logarithm; medians and intervals are of the values."),
    ] = False,
    level: Annotated[float, typer.Option(help="Of the intervals, in percent.")] = 95.0,
    method: Annotated[
        Method | None,
        typer.Option(
            help="With --order: exact likelihood, sum of squares, or one after the other.",
            show_default="mle",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Model and forecast as one JSON object.")
    ] = False,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="The forecast as CSV, without the summary.")
    ] = False,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Draw series, fit and forecast (png, svg, pdf).",
            show_default=False,
        ),
    ] = None,
    diagnostics: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw what the residuals say.", show_default=False),
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show each model that --auto tries.")
    ] = False,
) -> None:
    """Fit an ARIMA model to a series and forecast what follows.

    The summary and the forecast go to standard output, notes to standard error.
    """
    import sys

    from scratchgpt.cli.forecast_output import refuse_other_format, save, write
    from scratchgpt.cli.forecast_series import future_regressors, load_series
    from scratchgpt.cli.kernels import report_compiling
    from scratchgpt.timeseries.plots import plot_diagnostics, plot_forecast

    if not 0 < level < 100:
        _refuse("it must lie between 0 and 100, for example 95", "--level")
    if as_json and as_csv:
        _refuse("choose one of --json and --csv", "--csv")
    if order is None and (seasonal, trend, method) != (None, None, None):
        _refuse("--seasonal, --trend and --method are of a model given by --order", "--order")
    if order is not None and (auto or full):
        _refuse("give the order, or have it chosen by --auto", "--order")
    if (exog is None) != (future is None):
        _refuse("regressors need --exog, their columns, and --future, their values", "--exog")
    for path in (plot, diagnostics):
        refuse_other_format(path)

    series = load_series(data, example, column, exog, log=log)
    period = series.period if period is None else period
    steps = steps or (2 * period if period > 1 else 10)
    ahead = future_regressors(future, series.exog_names, steps)
    report_compiling("kalman" if series.has_gaps else "arma_filter")
    if order is None:
        results = _chosen(series, period, full=full, verbose=verbose)
    else:
        results = _fitted(series, period, order, seasonal, trend, method or Method.mle)
    for warning in results.warnings:
        print(f"warning: {warning}", file=sys.stderr)

    write(series, results, steps, ahead, level, "json" if as_json else "csv" if as_csv else "text")
    if plot is not None:
        drawing = plot_forecast(
            results,
            steps,
            1 - level / 100,
            exog=ahead,
            labels=series.labels + series.following(steps),
            season=period,
            name=series.name,
            log=log,
        )
        save(drawing, plot)
    if diagnostics is not None:
        drawing = plot_diagnostics(results, labels=series.labels, season=period)
        save(drawing, diagnostics)


def _chosen(
    series: "SeriesToForecast", period: int, *, full: bool, verbose: bool
) -> "ARIMAResults":
    """The model of the least AICc; what was tried is told on standard error."""
    import sys
    import time

    from scratchgpt.cli.forecast_series import said_of
    from scratchgpt.timeseries import auto_arima

    def tell(tried: Any) -> None:
        said = f"refused: {tried.refused}" if tried.refused else f"AICc {tried.criterion:.2f}"
        print(f"{tried.name:<44} {said}", file=sys.stderr)

    began = time.perf_counter()
    with said_of(series.name):
        choice = auto_arima(
            series.endog, period, series.exog, full=full, on_tried=tell if verbose else None
        )
    seconds = time.perf_counter() - began
    print(f"{choice.name}: chosen of {len(choice.tried)} in {seconds:.1f} s", file=sys.stderr)
    return choice.results


def _fitted(
    series: "SeriesToForecast",
    period: int,
    order: str,
    seasonal: str | None,
    trend: str | None,
    method: Method,
) -> "ARIMAResults":
    """The model that was asked for."""
    import warnings

    from scratchgpt.cli.forecast_series import said_of
    from scratchgpt.timeseries import ARIMA

    plain = _numbers(order, "--order", "p,d,q", (3,))
    season = [0, 0, 0, 0]
    if seasonal is not None:
        season = _numbers(seasonal, "--seasonal", "P,D,Q,s", (3, 4))
        season += [period] * (len(season) == 3)
    with said_of(series.name), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the results say it too
        return ARIMA(series.endog, series.exog, plain, season, trend).fit(method=method.value)


def _numbers(text: str, option: str, form: str, counts: tuple[int, ...]) -> list[int]:
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) not in counts or min(numbers) < 0:
        _refuse(f"{text!r} must be whole numbers from 0 on, {form}", option)
    return numbers


def _refuse(message: str, option: str) -> None:
    raise typer.BadParameter(message, param_hint=option)
