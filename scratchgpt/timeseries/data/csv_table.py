"""The rows and columns of a CSV file; error messages name the line."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from scratchgpt.compressed import decompress
from scratchgpt.errors import UserError, did_you_mean
from scratchgpt.timeseries.data.csv_numbers import is_missing, is_number
from scratchgpt.timeseries.data.time_spellings import read_times
from scratchgpt.utf8 import decode_text, other_encoding

# If several delimiters fit: commas also occur in numbers and texts, tabs nowhere else.
DELIMITERS = "\t;,"
_SHOWING = 200  # rows that show what a column holds
LARGEST = 2**28  # bytes of a compressed file after decompression

# Names of columns that hold times.
TIME_NAMES = frozenset(
    [
        *("time", "date", "datetime", "timestamp", "ds", "period", "year", "quarter", "month"),
        *("week", "day", "hour", "minute", "second", "zeit", "datum", "jahr", "quartal", "monat"),
        *("woche", "tag", "mois", "fecha", "mes"),
    ]
)


class Row(NamedTuple):
    line: int  # from 1
    fields: list[str]  # without spaces around them


class Table(NamedTuple):
    """The content of a CSV file."""

    source: str  # a path, or another name for error messages
    names: list[str]  # of the columns; [] if the file has no header
    rows: list[Row]
    delimiter: str

    @property
    def n_columns(self) -> int:
        return len(self.rows[0].fields)

    @property
    def described(self) -> str:
        """The columns, for error messages."""
        return ", ".join(self.names) if self.names else f"1 to {self.n_columns}, without names"

    def fields(self, column: int) -> list[str]:
        """Return the fields of a column, given by its index."""
        return [row.fields[column] for row in self.rows]

    def is_time_name(self, column: int) -> bool:
        """Whether the name of a column says that it holds times."""
        return bool(self.names) and self.names[column].lower() in TIME_NAMES

    def find(self, column: str | int) -> int:
        """Return the index of a column, given by its name or its number starting from 1."""
        if column in self.names:
            if self.names.count(str(column)) > 1:
                raise UserError(
                    f"{self.source} has several columns named {column!r}; give the number instead"
                )
            return self.names.index(str(column))
        try:
            number = int(column)
        except ValueError:
            hint = did_you_mean(str(column), self.names)
            raise UserError(
                f"{self.source} has no column {column!r}{hint}; its columns: {self.described}"
            ) from None
        if not 1 <= number <= self.n_columns:
            raise UserError(f"{self.source} has no column {number}; its columns: {self.described}")
        return number - 1

    def where(self, values: Mapping[str, str]) -> "Table":
        """Return the rows with these values in these columns."""
        table = self
        for column, value in values.items():
            at = table.find(column)
            rows = [row for row in table.rows if row.fields[at] == value.strip()]
            if not rows:
                there = list(dict.fromkeys(table.fields(at)))
                raise UserError(
                    f"{self.source} has no row with {column} = {value}"
                    f"{did_you_mean(value, there)}; {column} is {listed(there)}"
                )
            table = table._replace(rows=rows)
        return table


def listed(words: list[str]) -> str:
    """Return the words with commas between them, or the first ones of many."""
    return ", ".join(words[:6]) + (f" and {len(words) - 6:,} others" if len(words) > 6 else "")


def read_table(path: str | Path) -> Table:
    """Read a CSV file, which may be compressed with gzip.

    Raises
    ------
    UserError
        If the file cannot be read, is not CSV, or its rows differ in length.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    return parse_table(content, str(path))


def parse_table(content: bytes, source: str) -> Table:
    """Parse the content of a CSV file, as in :func:`read_table`."""
    lines = list(io.StringIO(_decoded(_decompressed(content, source), source), newline=""))
    n_comments = next((i for i, line in enumerate(lines) if not line.startswith("#")), len(lines))
    lines = lines[n_comments:]
    if not any(line.strip() for line in lines):
        raise UserError(f"{source} is empty")
    # Leave out the empty rows at the end, which may have delimiters.
    while not lines[-1].strip(" \r\n" + DELIMITERS):
        lines.pop()
    there = [each for each in DELIMITERS if each in lines[0]] or [","]
    even = (each for each in there if _is_even(lines, each))
    delimiter = next(even, max(there, key=lines[0].count))
    rows = _of_equal_length(_rows(lines, delimiter, n_comments, source), source)
    names = rows[0].fields if _has_header(rows) else []
    rows = rows[1:] if names else rows
    if not rows:
        raise UserError(f"{source} has a header line but no rows; add at least one row")
    return Table(source, names, rows, delimiter)


def _decompressed(content: bytes, source: str) -> bytes:
    if content.startswith(b"PK\x03\x04"):
        raise UserError(f"{source} is a ZIP file or a workbook; extract it or save it as CSV")
    return decompress(content, source, LARGEST)


def _decoded(content: bytes, source: str) -> str:
    encoding = other_encoding(content)
    try:
        return content.decode(encoding) if encoding else decode_text(content)
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise UserError(f"{source} is not UTF-8 in line {line:,}; convert it to UTF-8") from None


def _is_even(lines: list[str], delimiter: str) -> bool:
    """Whether a delimiter divides all lines into the same number of columns, at least two."""
    try:
        counts = {len(fields) for fields in csv.reader(lines, delimiter=delimiter, strict=True)}
    except csv.Error:
        return False
    return len(counts) == 1 and counts != {1}


def _rows(lines: list[str], delimiter: str, n_before: int, source: str) -> list[Row]:
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    rows = []
    try:
        for fields in reader:
            line = reader.line_num + n_before
            if not any(fields):
                raise UserError(f"line {line:,} of {source} is empty; write NA for a missing value")
            rows.append(Row(line, [field.strip() for field in fields]))
    except csv.Error as error:
        line = reader.line_num + n_before
        raise UserError(f"line {line:,} of {source} is not CSV: {error}") from None
    return rows


def _of_equal_length(rows: list[Row], source: str) -> list[Row]:
    """Return the rows without empty columns at the end, which come from trailing delimiters."""
    first = rows[0]
    n = len(first.fields)
    n_named = _length(first.fields)
    for line, fields in rows:
        if not n_named <= len(fields) or _length(fields) > n:
            raise UserError(
                f"line {line:,} of {source} has {len(fields)} columns, but line {first.line:,} has "
                f"{n}; make them equal, and delete notes above or below the table"
            )
    n = max(_length(fields) for _, fields in rows)
    return [Row(line, [*fields, *[""] * n][:n]) for line, fields in rows]


def _length(fields: list[str]) -> int:
    """The number of fields without the empty ones at the end."""
    return max((i + 1 for i, field in enumerate(fields) if field), default=0)


def _has_header(rows: list[Row]) -> bool:
    """Whether the first row holds names: texts above numbers or times, or times above numbers."""
    first = rows[0].fields
    below = [[row.fields[j] for row in rows[1:_SHOWING]] for j in range(len(first))]
    kinds = [(_kind([field]), _kind(fields)) for field, fields in zip(first, below, strict=True)]
    if any(above == "time" for above, _ in kinds) and len(rows) == 1:
        return False
    if ("time", "time") in kinds or kinds[0] == ("number", "number"):
        return False
    if first[0].lower() in TIME_NAMES or ("time", "number") in kinds[1:]:
        return True
    if any(above == "text" and under != "text" for above, under in kinds):
        return True
    if all(above == "text" or not field for (above, _), field in zip(kinds, first, strict=True)):
        return True
    return _are_years(first[1:]) and not _are_years(rows[-1].fields[1:])


def _kind(fields: list[str]) -> str:
    """Return what all fields of a column are: "missing", "number", "time" or "text"."""
    if all(map(is_missing, fields)):
        return "missing" if fields else "text"
    if all(is_missing(field) or is_number(field) for field in fields):
        return "number"
    readings = read_times(fields)
    return "time" if readings and readings[0].n_read == len(fields) else "text"


def _are_years(fields: list[str]) -> bool:
    """Whether the fields are at least two consecutive years."""
    years = [int(field) for field in fields if field.isdecimal() and len(field) == 4]
    return len(years) == len(fields) > 1 and years == list(range(years[0], years[0] + len(years)))
