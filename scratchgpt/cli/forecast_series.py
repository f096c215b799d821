"""The input of ``scratchgpt forecast``: the series, its regressors and their future values."""

import contextlib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.cli.console import message, read_standard_input_bytes
from scratchgpt.errors import UserError
from scratchgpt.timeseries import TimeSeries, load_example
from scratchgpt.timeseries.data.csv_numbers import Notation, is_missing, is_number, notations
from scratchgpt.timeseries.data.csv_table import Table, parse_table, read_table
from scratchgpt.timeseries.data.matching import columns_named, rows_at
from scratchgpt.timeseries.data.read_csv import is_index, numbers_of, series_of, time_column
from scratchgpt.timeseries.data.time_spellings import read_times


class NamedColumns(np.ndarray):
    """An array (n, k) with named columns, as ARIMA accepts it."""

    columns: tuple[str, ...]


@dataclass
class SeriesToForecast:
    """A series as read from the input and as passed to the model."""

    read: TimeSeries
    source: str
    log: bool
    exog: NamedColumns | None  # (n, k)

    @property
    def name(self) -> str:
        return self.read.name

    @property
    def period(self) -> int:
        return self.read.period

    @property
    def endog(self) -> Array:
        """The values to model, after the logarithm if requested: (n,)."""
        return np.log(self.read.values) if self.log else self.read.values

    @property
    def has_gaps(self) -> bool:
        return bool(np.isnan(self.read.values).any())

    @property
    def exog_names(self) -> tuple[str, ...]:
        return () if self.exog is None else self.exog.columns

    @property
    def labels(self) -> list[str]:
        """The labels of the times; numbers starting from 1 if the input has no times."""
        n = len(self.read.values)
        return self.read.labels or [str(i) for i in range(1, n + 1)]

    def following(self, steps: int) -> list[str]:
        """Return the labels of the next times; numbers if the times have no frequency."""
        if self.read.frequency:
            return self.read.frequency.following(steps)
        n = len(self.read.values)
        return [str(i) for i in range(n + 1, n + steps + 1)]


@dataclass
class Source:
    """Where a series is read from, and how its numbers are written."""

    path: Path  # "-" is standard input
    where: dict[str, str]
    decimal: str | None
    thousands: str | None

    def table(self, path: Path) -> Table:
        """Read a file in this notation, and choose its rows."""
        if str(path) != "-":
            return read_table(path)
        return parse_table(read_standard_input_bytes(), "standard input")

    @property
    def options(self) -> tuple[Notation, ...]:
        return notations(self.decimal, self.thousands)


def load_series(
    source: Source | None, example: str | None, column: str | None, exog: str | None, *, log: bool
) -> SeriesToForecast:
    """Read a series from a file or load an example; warnings are printed on standard error.

    Raises
    ------
    UserError
        If not exactly one of ``source`` and ``example`` is given, a column does not exist or is not
        numeric, a regressor has a missing value, or a value has no logarithm.
    """
    if (source is None) == (example is None):
        raise UserError("give either a CSV file or --example NAME")
    columns = None
    if source is None:
        if column is not None or exog is not None:
            raise UserError("an example has a single column; leave out --column and --exog")
        series, name = load_example(example or ""), f"example {example}"
    else:
        if exog is not None and column is None:
            raise UserError("--exog needs --column, the column of the series; add it")
        table = source.table(source.path).where(source.where)
        name, regressors = table.source, [] if exog is None else exog.split(",")
        if regressors and not table.names:
            raise UserError(f"{name} has no column names, which --exog needs; add a header line")
        others = (*source.where, *map(str.strip, regressors))
        with warnings.catch_warnings(record=True) as noted:
            warnings.simplefilter("always")
            series = series_of(table, column, source.options, others)
        for warning in noted:
            message(f"warning: {warning.message}")
        if regressors:
            wanted = [table.find(each.strip()) for each in regressors]
            times = time_column(table, [*wanted, table.find(column or "")])
            columns = _regressors(table, wanted, source.options, times)
    loaded = SeriesToForecast(series, name, log, columns)
    if log and (series.values <= 0).any():
        first = int(np.argmax(series.values <= 0))
        raise UserError(
            f"--log needs positive values, but {series.name} is {series.values[first]:g} at "
            f"{loaded.labels[first]}; leave out --log"
        )
    return loaded


def future_regressors(
    path: Path | None, source: Source | None, series: SeriesToForecast, steps: int
) -> NamedColumns | None:
    """Read the regressors for the forecast steps, (steps, k), from a file.

    The columns are found by name and the rows by time. If the file has no times, it must have one
    row per step.
    """
    if path is None or source is None:
        return None
    table = source.table(path)
    table = table.where({k: v for k, v in source.where.items() if k in table.names})
    if not table.names:
        raise UserError(f"{table.source} has no column names; add a header line")
    columns = columns_named(table.names, series.exog_names, table.source)
    times = time_column(table, columns)
    labels = [] if times is None else table.fields(times)
    if times is not None and (is_index(table, times) or _are_values(labels)):
        times, labels = None, []
    rows = list(range(len(table.rows)))
    if labels and series.read.frequency:
        rows = rows_at(labels, series.following(steps), table.source)
    elif past := [label for label in labels if label in set(series.read.labels)]:
        raise UserError(
            f"{table.source} has a row for {past[0]}, which is in the series; keep the {steps} "
            "rows after the series only"
        )
    if len(rows) != steps:
        raise UserError(
            f"{table.source} has {len(rows)} rows, but {steps} steps need {steps}; change the rows "
            "or --steps, or add a column of times, by which the rows are found"
        )
    return _regressors(table, columns, source.options, times, rows)


def _are_values(fields: list[str]) -> bool:
    """Whether the fields of a first column are numbers and neither times nor counts."""
    return all(is_missing(field) or is_number(field) for field in fields) and not read_times(fields)


@contextlib.contextmanager
def name_series(name: str) -> Iterator[None]:
    """Replace ``endog`` in error messages by the name of the series, which the user knows."""
    try:
        yield
    except UserError as error:
        raise UserError(str(error).replace("endog", name)) from None


def _regressors(
    table: Table,
    columns: list[int],
    options: tuple[Notation, ...],
    times: int | None,
    rows: list[int] | None = None,
) -> NamedColumns:
    """Return columns of a table, with a value in each of the rows; by default all rows."""
    rows = list(range(len(table.rows))) if rows is None else rows
    values = np.column_stack([numbers_of(table, each, options, times)[rows] for each in columns])
    names = tuple(table.names[column] for column in columns)
    if np.isnan(values).any():
        row, column = (int(i) for i in np.argwhere(np.isnan(values))[0])
        at = f"row {rows[row] + 1}" if times is None else table.fields(times)[rows[row]]
        raise UserError(
            f"{table.source}: {names[column]} is missing at {at}; regressors need a value at every "
            "time"
        )
    named = values.view(NamedColumns)
    named.columns = names
    return named
