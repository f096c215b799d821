"""Texts to process: arguments, lines of files, standard input, and columns of tables."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from scratchgpt.cli.console import read_standard_input
from scratchgpt.errors import UserError

# An argument that ends like this, without a space, is meant as a file.
ENDINGS = (".txt", ".md", ".csv", ".tsv", ".jsonl", ".json", ".gz")


class Texts(NamedTuple):
    """Texts and where each of them was found.

    Attributes
    ----------
    texts : list of str
    places : list of str
        Such as ``line 3 of FILE``, for error messages.
    gold : list of str
        The right answer for each text; empty if the texts are not from a table with answers.
    """

    texts: list[str]
    places: list[str]
    gold: list[str]


def read_texts(arguments: Sequence[str]) -> Texts:
    """Read the texts that arguments give; standard input without any.

    An argument is a file with one text per line if such a file exists, ``-`` for the lines of
    standard input, or otherwise a text.

    Raises
    ------
    UserError
        If a text is empty, or an argument looks like a file that does not exist.
    """
    texts: list[str] = []
    places: list[str] = []
    for number, argument in enumerate(arguments or ["-"], start=1):
        lines = _lines(argument)
        if lines is None:
            texts.append(argument)
            places.append(f"text {number}")
        else:
            name = "standard input" if argument == "-" else argument
            if not any(line.strip() for line in lines):
                raise UserError(f"{name} is empty; give at least one text")
            texts += lines
            places += [f"line {i:,} of {name}" for i in range(1, len(lines) + 1)]
    return _checked(Texts(texts, places, []))


def read_table(arguments: Sequence[str], column: str, gold: str | None) -> Texts:
    """Read the texts in a column of tables, and the right answers in another if it is given.

    Raises
    ------
    UserError
        If an argument is not a table with these columns.
    """
    from scratchgpt.text.tables import read_columns

    names = [column] if gold is None else [column, gold]
    found = Texts([], [], [])
    for argument in arguments:
        path = Path(argument)
        if not path.is_file():
            raise UserError(f"there is no table {argument}; name a .csv, .tsv or .jsonl file")
        texts, *answers = read_columns(path, names)
        found.texts.extend(texts)
        found.places.extend(f"row {i:,} of {path}" for i in range(1, len(texts) + 1))
        for column_of_answers in answers:
            found.gold.extend(column_of_answers)
    if not arguments:
        raise UserError("a column is given but no table; name a .csv, .tsv or .jsonl file")
    return _checked(found)


def _lines(argument: str) -> list[str] | None:
    """Return the lines that an argument names, or None if it is a text."""
    from scratchgpt.text.pairs.pair_files import read_lines

    if argument == "-":
        lines = read_standard_input().split("\n")
        return [line.removesuffix("\r") for line in lines]
    path = Path(argument)
    try:
        is_file = path.is_file()
    except (OSError, ValueError):  # longer than a path, or with a NUL
        return None
    if is_file:
        return read_lines(path)
    if argument.endswith(ENDINGS) and not any(map(str.isspace, argument)):
        raise UserError(f"there is no file {argument}; check the path, or put spaces into the text")
    return None


def _checked(texts: Texts) -> Texts:
    for text, place in zip(texts.texts, texts.places, strict=True):
        if not text.strip():
            raise UserError(f"{place} is empty; remove it")
    return texts
