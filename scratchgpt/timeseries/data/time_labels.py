"""The frequency of a series, inferred from its time labels: season length and future labels."""

import calendar
import datetime
import re
from collections.abc import Sequence
from typing import NamedTuple

from scratchgpt.errors import UserError

_YEAR = re.compile(r"\d{4}")
_QUARTER = re.compile(r"(\d{4})([- ]?Q)([1-4])")
_MONTH = re.compile(r"(\d{4})-(\d{2})")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_SECOND = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2})?")

# Observations per season, by the unit of a step and the number of units in it.
_PERIODS = {
    ("month", 1): 12,
    ("month", 3): 4,
    ("month", 6): 2,
    ("quarter", 1): 4,
    ("day", 1): 7,
    ("day", 7): 52,
    ("second", 86400): 7,
    ("second", 3600): 24,
    ("second", 1800): 48,
    ("second", 900): 96,
    ("second", 600): 144,
    ("second", 60): 60,
}


class Frequency(NamedTuple):
    """The regular step from one time label to the next, and the last label."""

    unit: str  # "year", "quarter", "month", "day" or "second"
    step: int  # the number of units from one label to the next
    last: int  # the last label, as a count of units
    pattern: str  # the last label as text

    @property
    def period(self) -> int:
        """Observations per season: 12 for months, 4 for quarters, 7 for days, 24 for hours.

        1 means that there is no season.
        """
        return _PERIODS.get((self.unit, self.step), 1)

    def following(self, steps: int) -> list[str]:
        """Return the labels of the next ``steps`` times, in the format of the last label."""
        return [self._write(self.last + i * self.step) for i in range(1, steps + 1)]

    def _write(self, count: int) -> str:
        if self.unit == "year":
            return f"{count:04d}"
        if self.unit == "quarter":
            between = self.pattern[4:-1]
            return f"{count // 4:04d}{between}{count % 4 + 1}"
        if self.unit == "month":
            year, month = count // 12, count % 12 + 1
            if len(self.pattern) == 7:
                return f"{year:04d}-{month:02d}"
            day, longest = int(self.pattern[8:]), calendar.monthrange(year, month)[1]
            is_end = day == calendar.monthrange(*map(int, self.pattern.split("-")[:2]))[1]
            return f"{year:04d}-{month:02d}-{longest if is_end else min(day, longest):02d}"
        if self.unit == "day":
            return datetime.date.fromordinal(count).isoformat()
        moment = datetime.datetime.min + datetime.timedelta(seconds=count)
        precision = "seconds" if len(self.pattern) > 16 else "minutes"
        return moment.isoformat(self.pattern[10], precision)


def infer_frequency(labels: Sequence[str]) -> Frequency | None:
    """Infer the frequency of a series from its time labels.

    Parameters
    ----------
    labels : sequence of str
        Labels that all have one format: ``1949``, ``1949-Q1``, ``1949-01``, ``1949-01-31`` or
        ``1949-01-31 12:00``.

    Returns
    -------
    Frequency or None
        None if the labels are not times, or if they are days or hours that are not equally spaced,
        such as trading days.

    Raises
    ------
    UserError
        If years, quarters or months are missing, repeated or decreasing.
    """
    for unit, count in (
        ("year", _year),
        ("quarter", _quarter),
        ("month", _month),
        ("month", _month_of_day),
        ("day", _day),
        ("second", _second),
    ):
        counts = [count(label) for label in labels]
        known = [each for each in counts if each is not None]
        if len(known) < max(len(labels), 2) or (count is _month_of_day and not _monthly(labels)):
            continue
        step = known[1] - known[0]
        for i in range(1, len(known)):
            if known[i] - known[i - 1] != step or step <= 0:
                if unit in ("day", "second") and known[i] > known[i - 1]:
                    return None
                raise UserError(
                    f"{labels[i]} follows {labels[i - 1]}; times must increase in equal steps, "
                    "so write a line for each missing value too"
                )
        return Frequency(unit, step, known[-1], labels[-1])
    return None


def _monthly(labels: Sequence[str]) -> bool:
    """Whether the dates are all on the same day of the month, or all on its last day."""
    dates = [datetime.date.fromisoformat(label) for label in labels]
    ends = all(date.day == calendar.monthrange(date.year, date.month)[1] for date in dates)
    months = {(date.year, date.month) for date in dates}
    return len(months) == len(dates) and (ends or len({date.day for date in dates}) == 1)


def _year(label: str) -> int | None:
    return int(label) if _YEAR.fullmatch(label) else None


def _quarter(label: str) -> int | None:
    match = _QUARTER.fullmatch(label)
    return 4 * int(match[1]) + int(match[3]) - 1 if match else None


def _month(label: str) -> int | None:
    match = _MONTH.fullmatch(label)
    return 12 * int(match[1]) + int(match[2]) - 1 if match and 1 <= int(match[2]) <= 12 else None


def _month_of_day(label: str) -> int | None:
    return None if _day(label) is None else _month(label[:7])


def _day(label: str) -> int | None:
    try:
        return datetime.date.fromisoformat(label).toordinal() if _DAY.fullmatch(label) else None
    except ValueError:
        return None


def _second(label: str) -> int | None:
    try:
        if not _SECOND.fullmatch(label):
            return None
        moment = datetime.datetime.fromisoformat(label)
    except ValueError:
        return None
    return round((moment - datetime.datetime.min).total_seconds())
