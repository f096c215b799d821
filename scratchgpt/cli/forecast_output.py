"""The output of ``scratchgpt forecast``: text, JSON, CSV and plots."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.cli.console import message, write_json, write_line, write_text
from scratchgpt.errors import UserError
from scratchgpt.files import replacing

if TYPE_CHECKING:
    from scratchgpt.cli.forecast_series import SeriesToForecast
    from scratchgpt.timeseries import ARIMAResults

PLOT_FORMATS = (".png", ".svg", ".pdf")


class _Row(NamedTuple):
    time: str
    forecast: float
    lower: float
    upper: float


def write(
    series: "SeriesToForecast",
    results: "ARIMAResults",
    steps: int,
    exog: Array | None,
    level: float,
    form: str,
) -> None:
    """Forecast and print the result.

    Parameters
    ----------
    series : SeriesToForecast
    results : ARIMAResults
    steps : int
    exog : array (steps, k) or None
        Regressors for the forecast steps.
    level : float
        Level of the intervals, in percent.
    form : {"text", "json", "csv"}
    """
    ahead = results.get_forecast(steps, exog)
    alpha = 1 - level / 100
    # The exponential maps quantiles to quantiles, so the mean of the logarithm becomes the median
    # of the values, and intervals keep their probability.
    table = np.column_stack([ahead.predicted_mean, ahead.conf_int(alpha)])
    if series.log:
        with np.errstate(over="ignore"):
            table = np.exp(table)
    rows = [
        _Row(time, *map(float, values))
        for time, values in zip(series.following(steps), table, strict=True)
    ]
    if form == "json":
        _write_json(series, results, rows, level)
    elif form == "csv":
        _write_csv(rows)
    else:
        _write_text(series, results, rows, level)


def _write_text(
    series: "SeriesToForecast", results: "ARIMAResults", rows: list[_Row], level: float
) -> None:
    of = f"log {series.name}" if series.log else series.name
    write_line(f"{series.source}: {of}, {series.labels[0]} to {series.labels[-1]}")
    results.model.index.name = series.name
    for line in results.summary().splitlines():
        write_line(line)
    write_line("")
    width = max(8, *(len(row.time) for row in rows))
    what = "median" if series.log else "forecast"
    bounds = f"lower {level:g} %", f"upper {level:g} %"
    write_line(f"{'time':<{width}}{what:>15}{bounds[0]:>15}{bounds[1]:>15}")
    digits = _digits(rows)
    for time, *values in rows:
        write_line(f"{time:<{width}}" + "".join(f"{value:>15,.{digits}f}" for value in values))


def _digits(rows: list[_Row]) -> int:
    """Number of decimals that show the narrowest interval's width with four significant digits."""
    widths = [row.upper - row.lower for row in rows if 0 < row.upper - row.lower < np.inf]
    return int(np.clip(3 - np.floor(np.log10(min(widths))), 0, 9)) if widths else 4


def _write_csv(rows: list[_Row]) -> None:
    import csv
    import io

    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(_Row._fields)
    writer.writerows(rows)
    write_text(table.getvalue())


def _write_json(
    series: "SeriesToForecast", results: "ARIMAResults", rows: list[_Row], level: float
) -> None:

    record = {
        "source": series.source,
        "series": series.name,
        "log": series.log,
        "model": str(results.model.orders),
        "orders": results.model.orders._asdict(),
        "method": results.method,
        "converged": results.converged,
        "warnings": list(results.warnings),
        "nobs": results.nobs,
        "params": _by_name(results, results.params),
        "bse": _by_name(results, results.bse),
        **{name: _finite(getattr(results, name)) for name in ("llf", "aic", "aicc", "bic", "hqic")},
        "level": level,
        "forecast": [
            {"time": time, **dict(zip(_Row._fields[1:], map(_finite, values), strict=True))}
            for time, *values in rows
        ],
    }
    write_json(record)


def _by_name(results: "ARIMAResults", values: Any) -> dict[str, float | None]:
    return dict(zip(results.param_names, map(_finite, values), strict=True))


def _finite(value: float) -> float | None:
    """Return the value, or None if it is NaN or infinite, which JSON cannot represent."""
    return float(value) if np.isfinite(value) else None


def refuse_other_format(path: Path | None) -> None:
    """Raise UserError if a plot cannot be written in the format of the file name."""
    if path is not None and path.suffix.lower() not in PLOT_FORMATS:
        raise UserError(f"{path} must end in one of {', '.join(PLOT_FORMATS)}")


def save(figure: Any, path: Path) -> None:
    """Write a plot atomically."""
    with replacing(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:].lower())
    message(f"wrote {path}")
