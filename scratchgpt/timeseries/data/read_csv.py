"""Read a column of a CSV file as a time series; error messages name the line."""

import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.timeseries.data.csv_numbers import (
    Notation,
    is_missing,
    is_number,
    notations,
    read_numbers,
    unreadable,
)
from scratchgpt.timeseries.data.csv_table import Table, listed, read_table
from scratchgpt.timeseries.data.time_labels import Frequency, infer, odd_label
from scratchgpt.timeseries.data.time_spellings import read_times


class TimeSeries(NamedTuple):
    """A series of values with the labels of their times."""

    name: str
    values: Array  # (n,), float64; NaN is missing
    labels: list[str]  # (n,), the times as written in the file; [] if it has no times
    frequency: Frequency | None  # the step from one label to the next, if it is regular

    @property
    def period(self) -> int:
        """Observations per season according to the labels; 1 if they do not imply a season."""
        return self.frequency.period if self.frequency else 1


def read_csv(
    path: str | Path,
    column: str | int | None = None,
    *,
    where: Mapping[str, str] | None = None,
    decimal: str | None = None,
    thousands: str | None = None,
) -> TimeSeries:
    """Read one column of numbers from a CSV file.

    The first line may hold column names. The delimiter is a comma, a semicolon or a tab. The file
    may be compressed with gzip. An empty field, ``NA``, ``NaN``, ``null``, ``none`` or a single dot
    is a missing value. The times are in the first column that holds times. If no column does, the
    labels of the rows are in the first column, unless it is the column to read.

    Parameters
    ----------
    path : path
    column : str or int, optional
        The name of the column, or its number starting from 1. It can be omitted if the file has
        only one column of numbers besides the times.
    where : dict of str to str, optional
        Read only the rows with these values in these columns, for a file that holds several series:
        ``{"unique_id": "A"}``.
    decimal : {".", ","}, optional
        The decimal mark; by default the one with which all numbers of the column can be read.
    thousands : {",", ".", " ", "'"}, optional
        The thousands separator. A space also stands for a no-break space.

    Returns
    -------
    TimeSeries

    Raises
    ------
    UserError
        If the file cannot be read, the column does not exist, a field in it is not a number or can
        be two numbers, such as ``1,003`` between semicolons, or ``column`` is omitted and the file
        has several columns. The message names the line or lists the columns. Times must increase in
        equal steps, as in :func:`infer_frequency`.

    Warns
    -----
    UserWarning
        If the times are not understood or can be read in several ways.
    """
    table = read_table(path).where(where or {})
    return series_of(table, column, notations(decimal, thousands), tuple(where or ()))


def series_of(
    table: Table,
    column: str | int | None,
    options: Sequence[Notation],
    others: Sequence[str] = (),
) -> TimeSeries:
    """Return a column of a table as a series, as in :func:`read_csv`.

    Parameters
    ----------
    table : Table
    column : str, int or None
    options : sequence of Notation
        The possible notations of numbers.
    others : sequence of str
        Columns that hold neither times nor values, such as those by which rows were chosen.
    """
    found = [table.find(name) for name in others]
    number = _only_column(table, found) if column is None else table.find(column)
    times = time_column(table, [number, *found])
    name = table.names[number] if table.names else f"column {number + 1}"
    values = numbers_of(table, number, options, times)
    labels = _labels(table, times)
    if times is not None:
        _refuse_several_series(table, number, times, labels)
    odd = odd_label(labels)
    if odd is not None:
        usual = labels[0] if odd else labels[-1]
        raise UserError(
            f"line {table.rows[odd].line:,} of {table.source}: the time is {labels[odd]!r}, which "
            f"is not written like {usual!r}; correct it, or delete the line if it is a total or a "
            "note"
        )
    try:
        frequency, note = infer(labels)
    except UserError as error:
        raise UserError(f"the times of {table.source}: {error}") from None
    if note and frequency is None:
        note += "; no season is inferred, and forecasts have numbers instead of times"
    if note:
        warnings.warn(f"{table.source}: {note}", stacklevel=3)
    return TimeSeries(name, values, labels, frequency)


def numbers_of(
    table: Table, number: int, options: Sequence[Notation], times: int | None = None
) -> Array:
    """Return a column of numbers; the other columns, without the times, can show the notation."""
    fields = table.fields(number)
    name = table.names[number] if table.names else f"column {number + 1}"
    others = (table.fields(j) for j in range(table.n_columns) if j not in (number, times))
    try:
        values = read_numbers(fields, others, options, table.delimiter)
    except UserError as error:
        raise UserError(f"{table.source}: {name} is unclear: {error}") from None
    if values is None:
        at = unreadable(fields, options)
        before = next((field for field in fields[:at] if not is_missing(field)), "")
        like = f" like {before!r}" if is_number(fields[at]) else ""
        hint = ""
        if re.fullmatch(r"[+-]?[0-9]+([ \u00a0\u202f\u2009'\u2019][0-9]{3})+.*", fields[at]):
            hint = "; if it has a thousands separator, name it with --thousands (or thousands=)"
        if table.n_columns == 1 and " " in fields[at]:
            hint = "; commas, semicolons or tabs must separate the columns"
        raise UserError(
            f"line {table.rows[at].line:,} of {table.source}: {name} is {fields[at]!r}, which is "
            f"not a number{like}{hint}"
        )
    if np.isinf(values).any():
        line = table.rows[int(np.argmax(np.isinf(values)))].line
        raise UserError(f"line {line:,} of {table.source}: {name} is infinite; write NA if missing")
    return values


def time_column(table: Table, others: Sequence[int]) -> int | None:
    """Return the index of the column that holds the times, or None.

    It is the first column with times among those not in ``others``. Bare numbers, such as years,
    are times in the first column or in a column with a name such as ``year``.
    """
    candidates = [j for j in range(table.n_columns) if j not in others]
    spelled = []
    for j in candidates:
        fields = table.fields(j)
        is_named = table.is_time_name(j)
        is_bare = sum(map(is_number, fields[:99])) > len(fields[:99]) / 2
        if is_named or not is_bare:
            readings = read_times(fields)
            is_count = bool(readings) and readings[0].unit == "number"
            if readings and (is_named or not is_count):
                spelled.append((is_count, not is_named, is_bare, j))
    if spelled:
        return min(spelled)[-1]
    return 0 if 0 in candidates else None


def _only_column(table: Table, others: Sequence[int]) -> int:
    """Return the only column of numbers besides the times and the others."""
    n = table.n_columns
    used = (time_column(table, others), *others)
    found = [
        j
        for j in range(n)
        if j not in used
        and any(map(is_number, table.fields(j)))
        and not (table.is_time_name(j) or is_index(table, j))
    ]
    if len(found) == 1:
        return found[0]
    if n <= 2:
        return n - 1
    raise UserError(f"{table.source} has {n} columns; set the column to one of: {table.described}")


def is_index(table: Table, j: int) -> bool:
    """Whether a column counts the rows and has no name, as pandas and R write it."""
    first = int(table.fields(j)[0]) if table.fields(j)[0].isdecimal() else -1
    counts = [str(first + i) for i in range(len(table.rows))]
    return bool(table.names) and not table.names[j] and table.fields(j) == counts


def _labels(table: Table, times: int | None) -> list[str]:
    """Return the labels of the times; years in one column and months in another are joined."""
    if times is None:
        return []
    names = [name.lower() for name in table.names]
    part = next((each for each in ("month", "quarter") if names.count(each) == 1), None)
    if part is None or names.count("year") != 1 or names[times] not in ("year", part):
        return table.fields(times)
    years, parts = table.fields(names.index("year")), table.fields(names.index(part))
    if part == "quarter":
        return [
            f"{year}-Q{each.removeprefix('Q')}" for year, each in zip(years, parts, strict=True)
        ]
    return [f"{year}-{each:0>2}" for year, each in zip(years, parts, strict=True)]


def _refuse_several_series(table: Table, number: int, times: int, labels: list[str]) -> None:
    """Raise UserError if times are repeated, but not among the rows with one value elsewhere."""
    n = len(labels)
    if len(set(labels)) == n:
        return
    columns = [table.fields(j) for j in range(table.n_columns)]
    ids = [
        j
        for j, fields in enumerate(columns)
        if j not in (number, times) and 1 < len(set(fields)) <= n / 2
    ]
    groups = [(j,) for j in ids] + [tuple(ids)]
    if not read_times(labels):  # the labels are perhaps names of series
        n_runs = 1 + sum(labels[i] != labels[i - 1] for i in range(1, n))
        groups = [(times,)] if 1 < n_runs == len(set(labels)) <= n / 2 else []
    for group in filter(None, groups):
        keys = list(zip(*(columns[j] for j in group), strict=True))
        if group == (times,) or len(set(zip(keys, labels, strict=True))) == n:
            names = [table.names[j] if table.names else str(j + 1) for j in group]
            first = dict(zip(names, keys[0], strict=True))
            there = listed([" ".join(key) for key in dict.fromkeys(keys)])
            raise UserError(
                f"{table.source} holds {len(set(keys)):,} series, one for each "
                f"{' and '.join(names)}: {there}; choose one with "
                + " ".join(f"--where {name}={value}" for name, value in first.items())
                + f", or where={first} in Python"
            )
