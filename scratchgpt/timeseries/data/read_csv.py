"""Read a column of a CSV file as a time series; error messages name the line."""

import csv
from pathlib import Path
from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError, did_you_mean
from scratchgpt.timeseries.data.time_labels import Frequency, infer_frequency

MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "."})
DELIMITERS = ",;\t"


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


class _Row(NamedTuple):
    line: int  # from 1
    fields: list[str]


def read_csv(path: str | Path, column: str | int | None = None) -> TimeSeries:
    """Read one column of numbers from a CSV file.

    The first line may hold column names. The delimiter is a comma, a semicolon or a tab; if it is
    not a comma, ``1,5`` is read as a number. An empty field, ``NA``, ``NaN``, ``null``, ``none`` or
    a single dot is a missing value. The first column holds the times, unless it is the column to
    read.

    Parameters
    ----------
    path : path
    column : str or int, optional
        The name of the column, or its number starting from 1. It can be omitted if the file has
        only one column besides the times.

    Returns
    -------
    TimeSeries

    Raises
    ------
    UserError
        If the file cannot be read, the column does not exist, a field in it is not a number, or
        ``column`` is omitted and the file has several columns. The message names the line or lists
        the columns.
    """
    path = Path(path)
    rows, delimiter = _read(path)
    first = rows[0]
    has_header = all(_number(field, delimiter) is None for field in first.fields)
    names = [field.strip() for field in first.fields] if has_header else []
    rows = rows[1:] if has_header else rows
    if not rows:
        raise UserError(f"{path} has a header line but no rows; add at least one row")
    for line, fields in rows:
        if len(fields) != len(first.fields):
            raise UserError(
                f"line {line:,} of {path} has {len(fields)} columns, but line {first.line:,} has "
                f"{len(first.fields)}; make them equal"
            )
    number = _find(column, names, len(first.fields), path)
    name = names[number] if names else f"column {number + 1}"
    values = np.array([_value(row, number, name, delimiter, path) for row in rows])
    labels = [fields[0].strip() for _, fields in rows] if number else []
    try:
        frequency = infer_frequency(labels)
    except UserError as error:
        raise UserError(f"the times of {path}: {error}") from None
    return TimeSeries(name, values, labels, frequency)


def _read(path: Path) -> tuple[list[_Row], str]:
    """Return the rows and the delimiter between their fields."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise UserError(f"{path} is not UTF-8 in line {line:,}; convert it to UTF-8") from None
    lines = text.rstrip().splitlines()
    if not lines:
        raise UserError(f"{path} is empty")
    delimiter = max(DELIMITERS, key=lines[0].count)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    rows = []
    try:
        for fields in reader:
            if not any(fields):
                raise UserError(
                    f"line {reader.line_num:,} of {path} is empty; write NA for a missing value"
                )
            rows.append(_Row(reader.line_num, fields))
    except csv.Error as error:
        raise UserError(f"line {reader.line_num:,} of {path} is not CSV: {error}") from None
    return rows, delimiter


def _find(column: str | int | None, names: list[str], n: int, path: Path) -> int:
    """Return the index of the requested column, starting from 0."""
    there = ", ".join(names) if names else f"1 to {n}, without names"
    if column is None:
        if n > 2:
            raise UserError(f"{path} has {n} columns; set the column to one of: {there}")
        return n - 1
    if column in names:
        if names.count(str(column)) > 1:
            raise UserError(f"{path} has several columns named {column!r}; give the number instead")
        return names.index(str(column))
    try:
        number = int(column)
    except ValueError:
        hint = did_you_mean(str(column), names)
        raise UserError(f"{path} has no column {column!r}{hint}; its columns: {there}") from None
    if not 1 <= number <= n:
        raise UserError(f"{path} has no column {number}; its columns: {there}")
    return number - 1


def _value(row: _Row, number: int, name: str, delimiter: str, path: Path) -> float:
    field = row.fields[number]
    if field.strip().lower() in MISSING:
        return np.nan
    value = _number(field, delimiter)
    if value is None:
        raise UserError(f"line {row.line:,} of {path}: {name} is {field!r}, which is not a number")
    if np.isinf(value):
        raise UserError(f"line {row.line:,} of {path}: {name} is infinite; write NA if missing")
    return value


def _number(field: str, delimiter: str) -> float | None:
    """Return the number in a field, or None if it holds a missing value or text."""
    text = field.strip()
    if delimiter != "," and text.count(",") == 1 and "." not in text:
        text = text.replace(",", ".")
    if "_" in text or text.lower() in MISSING:
        return None
    try:
        return float(text)
    except ValueError:
        return None
