"""Readers for parallel text files: two aligned files, TSV and JSONL, optionally gzipped."""

import json
from pathlib import Path
from typing import Any

from scratchgpt.compressed import decompress
from scratchgpt.errors import UserError, counted
from scratchgpt.text.pairs.parallel_text import ParallelText
from scratchgpt.text.tokenizers.tokenizer import to_utf8
from scratchgpt.utf8 import decode_text, not_utf8


def read_two_files(
    source: Path,
    target: Path,
    *,
    languages: tuple[str, str] | None = None,
    has_splits: bool = False,
) -> ParallelText:
    """Read two files, where each line translates the same line of the other file.

    Raises
    ------
    UserError
        If the numbers of lines differ; the message names the first line without a partner.
    """
    sides = aligned_lines(source, target)
    return ParallelText(
        *sides, str(source), str(target), range(1, len(sides[0]) + 1), languages, has_splits
    )


def aligned_lines(one: Path, other: Path) -> tuple[list[str], list[str]]:
    """Read two files that have the same number of lines.

    Raises
    ------
    UserError
        If the numbers of lines differ; the message names the first line without a partner.
    """
    sides = read_lines(one), read_lines(other)
    n_one, n_other = map(len, sides)
    if n_one != n_other:
        longer, shorter = (one, other) if n_one > n_other else (other, one)
        more, fewer = max(n_one, n_other), min(n_one, n_other)
        raise UserError(
            f"the files differ in length: {longer} has {counted(more, 'line')}, {shorter} has "
            f"{fewer:,}, so "
            f"line {fewer + 1:,} of {longer} is the first without a partner; each line must "
            "belong to the same line of the other file"
        )
    return sides


def read_tsv(path: Path) -> ParallelText:
    """Read a TSV file with a source, a tab and a target on each line, without quoting."""
    rows = [line.split("\t") for line in read_lines(path)]
    for number, row in enumerate(rows, start=1):
        if len(row) != 2:
            raise UserError(
                f"line {number:,} of {path} has {counted(len(row), 'column')}, not 2; each line "
                "must be a source, a tab and its translation"
            )
    return _one_file(path, rows)


def read_jsonl(path: Path, languages: tuple[str, str] | None = None) -> ParallelText:
    """Read a JSONL file of objects with ``source`` and ``target``, or with ``translation``.

    Parameters
    ----------
    path : path
    languages : (str, str), optional
        The names of the two fields of ``translation``, or of the object itself if it has no
        ``translation``. By default, the names and their order in the first line.
    """
    rows = []
    for number, line in enumerate(read_lines(path), start=1):
        where = f"line {number:,} of {path}"
        fields = _fields(line, where)
        if languages is None and not {"source", "target"} & set(fields):
            languages = _languages(fields, where)
        names = languages or ("source", "target")
        for name in names:
            if not isinstance(fields.get(name), str):
                what = f"no text in field {name!r}" if name in fields else f"no field {name!r}"
                has = ", ".join(map(repr, fields)) or "none"
                raise UserError(f"{where} has {what}; its fields are {has}")
            check_text(fields[name], where)
        rows.append([fields[name] for name in names])
    return _one_file(path, rows, languages)


def read_lines(path: Path) -> list[str]:
    """Read the lines of a text file without their newlines; gzip files are decompressed.

    Only a newline ends a line, with or without a carriage return, because some characters at which
    Python's ``splitlines`` splits occur within sentences.

    Raises
    ------
    UserError
        If the file cannot be read or is not UTF-8; the message names the line.
    """
    try:
        content = decompress(path.read_bytes(), str(path))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    try:
        text = decode_text(content)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise not_utf8(str(path), f"in line {line:,}", error) from None
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()  # the empty string after the last newline
    return [line.removesuffix("\r") for line in lines]


def check_text(text: str, where: str) -> None:
    """Raise UserError for a lone surrogate, which JSON can represent but UTF-8 cannot."""
    try:
        to_utf8(text)
    except UserError as error:
        raise UserError(f"{where}: {error}") from None


def _one_file(
    path: Path, rows: list[list[str]], languages: tuple[str, str] | None = None
) -> ParallelText:
    sources, targets = ([row[side] for row in rows] for side in (0, 1))
    return ParallelText(sources, targets, str(path), str(path), range(1, len(rows) + 1), languages)


def _fields(line: str, where: str) -> dict[str, Any]:
    """Parse one line of JSONL and return the fields that can hold sentences."""
    content = parse_line(line, where)
    if isinstance(content, dict):
        content = content.get("translation", content)
    if not isinstance(content, dict):
        raise UserError(
            f"{where} is not an object with source and target, or with an object as translation; "
            "correct the line"
        )
    return content


def parse_line(line: str, where: str) -> Any:
    """Parse one line of JSONL.

    Raises
    ------
    UserError
        If it is not JSON; the message begins with ``where``.
    """
    try:
        return json.loads(line)  # fields that are not used may hold anything
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where} is not JSON: {error}") from None


def _languages(fields: dict[str, Any], where: str) -> tuple[str, str]:
    """Return the two field names of a translation, which are its languages."""
    names = list(fields)
    if len(names) != 2:
        raise UserError(
            f"{where} has neither source and target nor two languages, but "
            f"{', '.join(map(repr, names)) or 'nothing'}; choose two fields, as in "
            "FILE.jsonl:de-en"
        )
    return names[0], names[1]
