"""The notation of the numbers in a CSV file: its decimal mark and its thousands separator."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError

MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "."})
# A space as separator is also a no-break space or a thin one, an apostrophe also a curved one.
_SAME = {" ": " \u00a0\u202f\u2009", "'": "'\u2019"}


class Notation(NamedTuple):
    """How numbers are written."""

    decimal: str = "."
    thousands: str = ""

    def number(self, field: str) -> float | None:
        """Return the number in a field, or None if it is not one in this notation."""
        text = field.strip()
        if "_" in text or text.lower() in MISSING:
            return None
        marks = _SAME.get(self.thousands, self.thousands)
        if any(mark in text for mark in marks):
            grouped = rf"[+-]?[1-9][0-9]{{0,2}}([{marks}][0-9]{{3}})+([{self.decimal}][0-9]*)?"
            if not re.fullmatch(grouped, text):
                return None
            text = re.sub(f"[{marks}]", "", text)
        if self.decimal != ".":
            text = text.replace(".", "?").replace(self.decimal, ".")
        try:
            return float(text)
        except ValueError:
            return None


_NOTATIONS = (Notation(), Notation(".", ","), Notation(",", ""), Notation(",", "."))


def is_number(field: str) -> bool:
    """Whether a field is a number in a notation that needs no options."""
    return any(notation.number(field) is not None for notation in _NOTATIONS)


def is_missing(field: str) -> bool:
    return field.strip().lower() in MISSING


def notations(decimal: str | None, thousands: str | None) -> tuple[Notation, ...]:
    """Return the notations that are possible with the options of a user.

    Raises
    ------
    UserError
        If an option is not a decimal mark or a thousands separator, or both are equal.
    """
    if decimal not in (None, ".", ","):
        raise UserError(f"decimal={decimal!r} must be '.' or ','")
    if thousands not in (None, ".", ",", " ", "'"):
        raise UserError(f"thousands={thousands!r} must be ',', '.', a space or an apostrophe")
    if decimal is not None and decimal == thousands:
        raise UserError(f"decimal and thousands are both {decimal!r}; they must differ")
    if thousands is None:
        return tuple(each for each in _NOTATIONS if decimal in (None, each.decimal))
    marks = {",": ".", ".": ","}.get(thousands, ".,")
    return tuple(Notation(mark, thousands) for mark in marks if decimal in (None, mark))


def read_numbers(
    fields: Sequence[str],
    others: Iterable[Sequence[str]],
    options: Sequence[Notation],
    delimiter: str,
) -> Array | None:
    """Read a column of numbers if there is only one way to read it.

    Parameters
    ----------
    fields : sequence of str (n,)
    others : iterable of sequences of str
        The other columns, which show the notation if ``fields`` does not.
    options : sequence of Notation
        The possible notations.
    delimiter : str
        Commas between the fields mean that a point is a decimal mark. If the delimiter is a
        semicolon, ``1.003`` can be 1003; if it is a tab, only if other fields are integers.

    Returns
    -------
    values : array (n,) or None
        NaN for missing values. None if no notation fits all fields.

    Raises
    ------
    UserError
        If several notations fit and give different values.
    """
    readings = {notation: _read(fields, notation) for notation in options}
    fitting = {notation: values for notation, values in readings.items() if values is not None}
    if not fitting:
        return None
    if len(fitting) > 1 and _differ(fitting):
        known = [_fitting(other, list(fitting)) for other in others]
        kept = [n for n in fitting if all(n in each for each in known)]
        fitting = {notation: fitting[notation] for notation in kept} if kept else fitting
        points = {n: values for n, values in fitting.items() if n.decimal == "."}
        is_clear = delimiter == "," or (delimiter == "\t" and not any(map(str.isdecimal, fields)))
        if is_clear and Notation() in points and not _differ(points):
            fitting = points
    if _differ(fitting):
        first, *_, second = fitting.values()
        at = int(np.argmax((first != second) & ~np.isnan(first)))
        mark = "," if "," in fields[at] else "."
        raise UserError(
            f"{fields[at].strip()!r} can be {first[at]:g} or {second[at]:g}; choose with "
            f"--thousands {mark} or --decimal {mark}, or thousands= or decimal= in Python"
        )
    return next(iter(fitting.values()))


def unreadable(fields: Sequence[str], options: Sequence[Notation]) -> int:
    """Return the position of the first field that is not a number in the most suitable notation."""

    def position(notation: Notation) -> int:
        return next(i for i, field in enumerate(fields) if not _fits(field, notation))

    return max(position(notation) for notation in options)


def _fits(field: str, notation: Notation) -> bool:
    return is_missing(field) or notation.number(field) is not None


def _read(fields: Sequence[str], notation: Notation) -> Array | None:
    """Return the values, or None if a field is not a number in this notation."""
    values = np.empty(len(fields))
    for i, field in enumerate(fields):
        value = notation.number(field)
        if value is None and not is_missing(field):
            return None
        values[i] = np.nan if value is None else value
    return values


def _fitting(fields: Sequence[str], options: Sequence[Notation]) -> Sequence[Notation]:
    """Return the notations in which all fields are numbers; all if the column is not numeric."""
    return [notation for notation in options if _read(fields, notation) is not None] or options


def _differ(readings: dict[Notation, Array]) -> bool:
    values = list(readings.values())
    return any(not np.array_equal(each, values[0], equal_nan=True) for each in values[1:])
