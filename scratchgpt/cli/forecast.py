"""``scratchgpt forecast``: forecast a time series, with intervals."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from scratchgpt.cli.completion import complete, examples
from scratchgpt.cli.console import message
from scratchgpt.cli.outputs import NEW_FILE, refuse_existing

EPILOG = """Examples:

scratchgpt forecast --example airline --log

scratchgpt forecast data.csv --column sales --steps 24 --auto

scratchgpt forecast data.csv --order 0,1,1 --seasonal 0,1,1,12 --csv

scratchgpt forecast data.csv -c sales --exog price --future plan.csv --json

scratchgpt forecast --example nile --plot nile.png --diagnostics rest.png
"""


MOST_STEPS = 1_000_000


class Method(StrEnum):
    """The estimation method for the parameters."""

    mle = "mle"
    css = "css"
    css_mle = "css-mle"


def forecast_command(
    data: Annotated[
        Path | None,
        typer.Argument(
            help="CSV file, also compressed with gzip; - is standard input. The first column that "
            "can be read as times holds the times.",
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
    where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="Use only the rows with this value in this column: unique_id=A. Can be repeated.",
            show_default=False,
        ),
    ] = None,
    decimal: Annotated[
        str | None,
        typer.Option(
            metavar=". or ,",
            help="Decimal mark of the numbers.",
            show_default="the only possible one",
        ),
    ] = None,
    thousands: Annotated[
        str | None,
        typer.Option(
            metavar="MARK",
            help="Thousands separator of the numbers: a comma, a point, a space or an apostrophe.",
            show_default="the only possible one",
        ),
    ] = None,
    example: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Example series to use instead of a file: nile, airline, sunspots, lynx, huron, "
            "accidents, co2 or presidents.",
            show_default=False,
            autocompletion=complete(examples),
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
            help="CSV file with the regressors for the forecast steps. The columns are found by "
            "name and the rows by time; without times, one row per step.",
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
            help=f"Plot series, fit and forecast to a file (png, svg, pdf). {NEW_FILE}",
            show_default=False,
        ),
    ] = None,
    diagnostics: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help=f"Plot residual diagnostics to a file (png, svg, pdf). {NEW_FILE}",
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
    import warnings

    from scratchgpt.cli.forecast_model import fit_model, select_model
    from scratchgpt.cli.forecast_output import refuse_other_format, save, write
    from scratchgpt.cli.forecast_series import Source, future_regressors, load_series
    from scratchgpt.timeseries.plots import plot_diagnostics, plot_forecast

    if not 0 < 1 - level / 100 < 1:
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
        refuse_existing(path)

    source = None
    if data is not None:
        source = Source(data, _conditions(where or []), decimal, thousands)
    elif (where, decimal, thousands) != (None, None, None):
        _refuse("--where, --decimal and --thousands are about a file; name one", "--example")
    series = load_series(source, example, column, exog, log=log)
    period = series.period if period is None else period
    steps = steps or (2 * period if period > 1 else 10)
    if steps > MOST_STEPS:
        _refuse(f"{steps:,} steps are more than {MOST_STEPS:,}; forecast fewer", "--steps")
    ahead = future_regressors(future, source, series, steps)
    if order is None:
        results = select_model(series, period, full=full, verbose=verbose)
    else:
        results = fit_model(series, period, order, seasonal, trend, (method or Method.mle).value)
    for reason in results.warnings:
        message(f"warning: {reason}")

    form = "json" if as_json else "csv" if as_csv else "text"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # ``results.warnings`` says it too
        write(series, results, steps, ahead, level, form)
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


def _conditions(texts: list[str]) -> dict[str, str]:
    """Return the columns of ``--where`` with their values."""
    values: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name.strip() or not equals:
            _refuse(f"{text!r} must be NAME=VALUE, for example unique_id=A", "--where")
        if values.setdefault(name.strip(), value) != value:
            _refuse(f"{name.strip()} has two values; choose one", "--where")
    return values


def _refuse(message: str, option: str) -> None:
    raise typer.BadParameter(message, param_hint=option)
