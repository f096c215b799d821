"""Columns of text from tables: CSV, TSV and JSONL with the names of the columns."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from scratchgpt.errors import UserError, counted, did_you_mean
from scratchgpt.structured import parse_json
from scratchgpt.text.pairs.pair_files import read_lines

ENDINGS = (".csv", ".tsv", ".jsonl")


def is_table(path: Path) -> bool:
    """Whether the name of a file is that of a table, which may be compressed."""
    return path.name.removesuffix(".gz").endswith(ENDINGS)


def read_columns(path: Path, names: Sequence[str]) -> list[list[str]]:
    """Read columns of a table.

    The first line of a ``.csv`` or ``.tsv`` has the names of the columns, and each line of a
    ``.jsonl`` is an object with them. A TSV has no quotes. Any of them may be compressed (``.gz``).

    Parameters
    ----------
    path : Path
    names : sequence of str

    Returns
    -------
    columns : list of list of str
        One per name.

    Raises
    ------
    UserError
        If the file cannot be read, it is not a table, or a column is missing.
    """
    name = path.name.removesuffix(".gz")
    if not is_table(path):
        raise UserError(f"{path} is not a table; give a file that ends with {', '.join(ENDINGS)}")
    lines = read_lines(path)
    if name.endswith(".jsonl"):
        rows = list(_objects(lines, path, names))
    else:
        split = _csv_rows(lines, path) if name.endswith(".csv") else _tsv_rows(lines, path)
        rows = list(_cells(split, path, names))
    if not rows:
        raise UserError(f"{path} has no rows; there is nothing to read")
    return [list(column) for column in zip(*rows, strict=True)]


def _objects(lines: list[str], path: Path, names: Sequence[str]) -> Iterator[list[str]]:
    for number, line in enumerate(lines, start=1):
        where = f"line {number:,} of {path}"
        fields = parse_json(line, where)
        if not isinstance(fields, dict):
            raise UserError(f"{where} is not a JSON object")
        yield [_field(fields, name, where) for name in names]


def _field(fields: dict[str, Any], name: str, where: str) -> str:
    value = fields.get(name)
    if isinstance(value, int | float) and not isinstance(value, bool):  # a label or a score
        return str(value)
    if not isinstance(value, str):
        what = "no text in" if name in fields else "no"
        raise UserError(f"{where} has {what} field {name!r}{did_you_mean(name, fields)}")
    return value


def _tsv_rows(lines: list[str], path: Path) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(lines, start=1):
        yield number, line.split("\t")


def _csv_rows(lines: list[str], path: Path) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader((f"{line}\n" for line in lines), strict=True)
    try:
        for row in reader:
            if row:  # the reader returns an empty list for an empty line
                yield reader.line_num, row
    except csv.Error as error:
        raise UserError(f"line {reader.line_num:,} of {path} is not CSV: {error}") from None


def _cells(
    rows: Iterator[tuple[int, list[str]]], path: Path, names: Sequence[str]
) -> Iterator[list[str]]:
    _, header = next(rows, (1, []))
    for name in names:
        if header.count(name) != 1:
            columns = ", ".join(map(repr, header)) or "nothing"
            raise UserError(
                f"the first line of {path} must name one column {name!r}, but it has "
                f"{columns[:200]}{did_you_mean(name, header)}"
            )
    places = [header.index(name) for name in names]
    for number, row in rows:
        if len(row) != len(header):
            raise UserError(
                f"line {number:,} of {path} has {counted(len(row), 'column')}, but the first line "
                f"has {len(header)}"
            )
        yield [row[place] for place in places]
