"""What the labels of a series say about its time: how long a season is, and what comes next."""

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

# Observations per season by what a step is: of these units, so many.
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


class Clock(NamedTuple):
    """The regular steps from one label to the next."""

    unit: str  # "year", "quarter", "month", "day" or "second"
    step: int  # so many of them
    last: int  # the last label, counted in them
    pattern: str  # the last label as it is written

    @property
    def period(self) -> int:
        """Observations per season: months 12, quarters 4, days 7, hours 24; 1 is no season."""
        return _PERIODS.get((self.unit, self.step), 1)

    def following(self, steps: int) -> list[str]:
        """The labels of the next steps, written like the last."""
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


def clock_of(labels: Sequence[str]) -> Clock | None:
    """The clock that labels were read from.

    Parameters
    ----------
    labels : sequence of str
        ``1949``, ``1949-Q1``, ``1949-01``, ``1949-01-31`` or ``1949-01-31 12:00``, all alike.

    Returns
    -------
    Clock or None
        None where they are no times, or days and hours that are not one step apart, such as those
        on which a market is open.

    Raises
    ------
    UserError
        If years, quarters or months are missing, come twice or run backwards.
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
                    f"{labels[i]} follows {labels[i - 1]}; the times must rise in equal steps, "
                    "with a line also for what is missing"
                )
        return Clock(unit, step, known[-1], labels[-1])
    return None


def _monthly(labels: Sequence[str]) -> bool:
    """Whether dates are all the same day of the month, or all its last."""
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
