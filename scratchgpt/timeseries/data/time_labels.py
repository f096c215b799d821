"""The frequency of a series, inferred from its time labels: season length and future labels."""

import calendar
import datetime
import warnings
from collections.abc import Sequence
from typing import NamedTuple

from scratchgpt.errors import UserError
from scratchgpt.timeseries.data.time_spellings import Reading, read_times, write_time

_DAY = 86400  # seconds

# Observations per season, by the unit of a step and the number of units in it.
_PERIODS = {
    ("month", 1): 12,
    ("month", 3): 4,
    ("month", 6): 2,
    ("quarter", 1): 4,
    ("quarter", 2): 2,
    ("week", 1): 52,
    ("day", 1): 7,
    ("day", 7): 52,
    ("business day", 1): 5,
    ("second", 3600): 24,
    ("second", 1800): 48,
    ("second", 900): 96,
    ("second", 600): 144,
    ("second", 60): 60,
}


class Frequency(NamedTuple):
    """The regular step from one time label to the next, and the last label."""

    unit: str  # "year", "quarter", "month", "week", "day", "business day", "second" or "number"
    step: int  # the number of units from one label to the next
    last: int  # the last label, as a count of units
    pattern: str  # the spelling of the labels, as in strftime; %q is a quarter
    day: int = 1  # of months: the day that the labels share; 31 is the last day of each month
    second: int = 0  # since midnight, if all labels share it

    @property
    def period(self) -> int:
        """Observations per season: 12 for months, 4 for quarters, 7 for days, 24 for hours.

        1 means that there is no season.
        """
        return _PERIODS.get((self.unit, self.step), 1)

    def following(self, steps: int) -> list[str]:
        """Return the labels of the next ``steps`` times, in the spelling of the series."""
        try:
            return [self._write(self.last + i * self.step) for i in range(1, steps + 1)]
        except (ValueError, OverflowError):
            raise UserError(f"{steps} steps reach beyond the year 9999; use fewer steps") from None

    def _write(self, count: int) -> str:
        second = self.second
        if self.unit == "number":
            fields = {"N": count}
        elif self.unit == "year":
            fields = {"Y": count}
        elif self.unit == "quarter":
            fields = {"Y": count // 4, "q": count % 4 + 1}
        elif self.unit == "month":
            year, month = count // 12, count % 12 + 1
            longest = calendar.monthrange(year, month)[1] if year else 31
            fields = {"Y": year, "m": month, "d": min(self.day, longest)}
        elif self.unit == "week":
            year, week, _ = datetime.date.fromordinal(7 * count + 1).isocalendar()
            fields = {"G": year, "V": week}
        else:
            ordinal = count
            if self.unit == "business day":
                ordinal = count // 5 * 7 + count % 5 + 1
            elif self.unit == "second":
                ordinal, second = count // _DAY + 1, count % _DAY
            date = datetime.date.fromordinal(ordinal)
            fields = {"Y": date.year, "m": date.month, "d": date.day}
        clock = {"H": second // 3600, "M": second // 60 % 60, "S": second % 60}
        return write_time(self.pattern, fields | clock)


class Inferred(NamedTuple):
    """What the time labels of a series imply."""

    frequency: Frequency | None
    note: str  # what was assumed, or why there is no frequency; "" if nothing needs to be said


def infer_frequency(labels: Sequence[str]) -> Frequency | None:
    """Infer the frequency of a series from its time labels.

    Parameters
    ----------
    labels : sequence of str
        Labels that all have one spelling: ``1949``, ``1949-Q1``, ``Q1 1949``, ``1949-01``,
        ``Jan 1949``, ``1949M01``, ``194901``, ``1949-W01``, ``1949-01-31``, ``31/01/1949``,
        ``1/31/1949``, ``31.01.1949``, ``1949-01-31 12:00``, ``1949-01-31T12:00:00Z`` and similar
        ones. Whether the day or the month is first follows from all labels together.

    Returns
    -------
    Frequency or None
        None if the labels are not times, or if they are days or hours that are not equally spaced,
        such as trading days with holidays.

    Raises
    ------
    UserError
        If years, quarters or months are missing, repeated or decreasing.

    Warns
    -----
    UserWarning
        If the labels can be read in several ways, or have years of two digits.
    """
    frequency, note = infer(labels)
    if frequency is not None and note:
        warnings.warn(note, stacklevel=2)
    return frequency


def infer(labels: Sequence[str]) -> Inferred:
    """Infer the frequency, as in :func:`infer_frequency`, and explain the result."""
    n = len(labels)
    readings = [reading for reading in read_times(labels) if reading.n_read == n]
    if n < 2:
        return Inferred(None, "")
    if not readings:
        return Inferred(None, f"times such as {labels[0]!r} are not understood")
    found: list[tuple[Reading, Frequency]] = []
    gaps: list[str] = []
    errors: list[UserError] = []
    for reading in readings:
        try:
            result = _frequency(reading, labels)
        except UserError as error:
            errors.append(error)
            continue
        if isinstance(result, Frequency):
            found.append((reading, result))
        else:
            gaps.append(result)
    if found:
        return Inferred(found[0][1], _assumption(found, labels))
    if gaps:
        return Inferred(None, gaps[0])
    raise errors[0]


def odd_label(labels: Sequence[str]) -> int | None:
    """Return the position of the first label that is not a time, if most of them are times."""
    readings = read_times(labels)
    if not readings or readings[0].n_read == len(labels):
        return None
    return readings[0].dates.index(None)


def _assumption(found: list[tuple[Reading, Frequency]], labels: Sequence[str]) -> str:
    """Return what is assumed in the first of several readings."""
    (reading, chosen), *others = found
    # Of hours, 40 labels reach the next day.
    differ = any(other.following(40) != chosen.following(40) for _, other in others)
    if differ or "%y" in reading.pattern:
        pattern = {"quarter": "%Y-Q%q", "month": "%Y-%m"}.get(reading.unit, "%Y-%m-%d")
        meaning = chosen._replace(pattern=pattern)._write(chosen.last)
        return f"the time {labels[-1]} is read as {meaning} ({reading.pattern.replace('%-', '%')})"
    if chosen.unit == "number" and (chosen.step != 1 or reading.dates[0] not in (0, 1)):
        return f"times such as {labels[-1]} are read as numbers, which have no season"
    recent = labels[-366:]
    n = len(recent)
    if list(recent) != chosen._replace(last=chosen.last - n * chosen.step).following(n):
        ahead = chosen.following(1)[0]
        return f"some times are not written like those of the forecasts, which begin with {ahead}"
    return ""


def _frequency(reading: Reading, labels: Sequence[str]) -> Frequency | str:
    """Return the frequency of a reading, or why it has none; raise if labels are out of order."""
    counts = [count for count in reading.dates if count is not None]
    if reading.unit == "day":
        return _of_days(reading, counts, labels)
    if reading.pattern in ("%b", "%B", "%^b", "%^B", "%_b", "%_B", "Q%q", "q%q"):
        counts = _unwrapped(counts, 12 if reading.unit == "month" else 4)
    broken = _first_break(counts)
    if broken and reading.unit == "number":
        return f"times such as {labels[broken]!r} are not understood"
    if broken:
        raise UserError(_order(labels, counts, broken))
    return Frequency(reading.unit, counts[1] - counts[0], counts[-1], reading.pattern)


def _of_days(reading: Reading, days: list[int], labels: Sequence[str]) -> Frequency | str:
    pattern, second = reading.pattern, reading.seconds[0]
    if len(set(reading.seconds)) == 1:
        monthly = _of_months(days)
        if monthly is not None:
            months, day = monthly
            broken = _first_break(months)
            if broken:
                raise UserError(_order(labels, months, broken))
            return Frequency("month", months[1] - months[0], months[-1], pattern, day, second)
        business = [(day - 1) // 7 * 5 + (day - 1) % 7 for day in days]
        if not _first_break(days):
            return Frequency("day", days[1] - days[0], days[-1], pattern, 1, second)
        is_weekday = all((day - 1) % 7 < 5 for day in days)
        # Two weekends show the rhythm.
        if is_weekday and business[-1] // 5 - business[0] // 5 > 1 and not _first_break(business):
            step = business[1] - business[0]
            return Frequency("business day", step, business[-1], pattern, 1, second)
        # Such as the last day of business in each month.
        dates = [datetime.date.fromordinal(day) for day in days]
        months = [12 * date.year + date.month - 1 for date in dates]
        edge = 31 if all(date.day > 24 for date in dates) else 1
        is_edge = edge == 31 or all(date.day < 8 for date in dates)
        if is_edge and not _first_break(months):
            return Frequency("month", months[1] - months[0], months[-1], pattern, edge, second)
        moments = days
    else:
        local = [(day - 1) * _DAY + at for day, at in zip(days, reading.seconds, strict=True)]
        moments = [at - offset for at, offset in zip(local, reading.offsets, strict=True)]
        if not _first_break(moments):
            return Frequency("second", moments[1] - moments[0], local[-1], pattern)
    for i in range(1, len(moments)):
        if moments[i] <= moments[i - 1]:
            raise UserError(_order(labels, moments, i))
    broken = _first_break(moments)
    return (
        f"{labels[broken]} follows {labels[broken - 1]}, so the times are not equally spaced; "
        "write a line with NA for each missing time"
    )


def _of_months(days: list[int]) -> tuple[list[int], int] | None:
    """Return the months and the day of the month, if there is one date per month.

    All dates are on the same day of the month or on its last day. The 29th to the 31st is the last
    day in shorter months, unless the dates are equally spaced.
    """
    dates = [datetime.date.fromordinal(day) for day in days]
    longest = [calendar.monthrange(date.year, date.month)[1] for date in dates]
    months = [12 * date.year + date.month - 1 for date in dates]
    if len(set(months)) < len(months):
        return None
    if all(date.day == last for date, last in zip(dates, longest, strict=True)):
        return months, 31
    day = max(date.day for date in dates)
    same = [date.day == min(day, last) for date, last in zip(dates, longest, strict=True)]
    is_shortened = len({date.day for date in dates}) > 1
    if not all(same) or (is_shortened and not _first_break(days)):
        return None
    return months, day


def _unwrapped(counts: list[int], cycle: int) -> list[int]:
    """Return the counts of months or quarters without a year; each is at most a cycle later."""
    result = counts[:1]
    for count in counts[1:]:
        result.append(result[-1] + (count - result[-1] - 1) % cycle + 1)
    return result


def _first_break(counts: list[int]) -> int:
    """Return the first position whose step differs from the first step, or 0 if there is none."""
    step = counts[1] - counts[0]
    if step <= 0:
        return 1
    return next((i for i in range(2, len(counts)) if counts[i] - counts[i - 1] != step), 0)


def _order(labels: Sequence[str], counts: list[int], i: int) -> str:
    advice = "write a line for each missing value too"
    if counts[i] == counts[i - 1]:
        advice = "keep one line per time"
    elif counts[i] < counts[i - 1]:
        advice = "sort the lines by time"
    return f"{labels[i]} follows {labels[i - 1]}; times must increase in equal steps, so {advice}"
