"""The spellings of time labels: patterns that read and write them, as those of ``strftime``.

A pattern contains ``%Y``, ``%m``, ``%d``, ``%b`` and the other codes of ``strftime``, ``%q`` for a
quarter, ``%N`` for a row number, and ``%3D`` for a year with up to three decimals, as R writes
months and quarters. ``%0m`` accepts two digits only. In the pattern of a series, ``%-m`` is a
number without a leading zero; ``%^b`` and ``%_b`` are upper and lower case.
"""

import collections
import datetime
import functools
import re
from collections.abc import Sequence
from typing import NamedTuple

MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)

_CODES = {
    **dict.fromkeys(["Y", "G"], "[0-9]{4}"),
    **dict.fromkeys(["y", "0m", "0d"], "[0-9]{2}"),
    **dict.fromkeys(["m", "d", "V"], "[0-9]{1,2}"),
    "q": "[1-4]",
    "N": "0|[1-9][0-9]*",
    "b": f"(?i:{'|'.join(name[:3] for name in MONTHS)})",
    "B": f"(?i:{'|'.join(MONTHS)})",
}

_QUARTERS = (
    *("%Y-Q%q", "%YQ%q", "%Y Q%q", "%Y/Q%q", "%Y:Q%q", "%Y.Q%q"),
    *("Q%q %Y", "Q%q-%Y", "Q%q/%Y", "%qQ%Y", "%qQ %Y", "%qQ%y", "Q%q %y", "Q%q-%y", "Q%q"),
)
# If several patterns of a list fit a series equally well, the first is used.
PATTERNS = (
    *("%Y", "%Y.0"),
    *_QUARTERS,
    *(pattern.replace("Q", "q") for pattern in _QUARTERS),
    *("%Y-%m", "%Y/%m", "%Y.%0m", "%Y%0m", "%Y:%m", "%Y %0m"),
    *("%YM%m", "%Ym%m", "%Y-M%m", "%Y M%m", "M%m %Y"),
    *("%m/%Y", "%m-%Y", "%m.%Y", "%m %Y"),
    *(f"{name}{between}%Y" for name in ("%b", "%B") for between in (" ", "-", "/", "", ", ")),
    *(f"%Y{between}{name}" for name in ("%b", "%B") for between in (" ", "-", "/", "")),
    *(f"{name}{between}%y" for name in ("%b", "%B") for between in (" ", "-", "/", " '", "'")),
    *("%Y-%q", "%Y:%q", "%b", "%B"),
    *("%G-W%V", "%GW%V", "%G W%V", "%Gw%V", "W%V %G", "W%V-%G", "W%V/%G"),
    *("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%0m%0d", "%Y-%b-%d", "%Y %b %d"),
    *("%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d.%m.%Y", "%d %m %Y"),
    *(f"%d{between}{name}{between}%Y" for name in ("%b", "%B") for between in (" ", "-", "/", "")),
    *(f"{name} %d{between}%Y" for name in ("%b", "%B") for between in (", ", " ")),
    *("%d/%m/%y", "%m/%d/%y", "%d-%m-%y", "%m-%d-%y", "%d.%m.%y", "%y-%m-%d", "%y/%m/%d"),
    *("%d-%b-%y", "%d %b %y", "%d/%b/%y"),
    "%N",
)

_CLOCK = re.compile(
    r"(?P<between>[ T])(?P<H>[0-9]{1,2}):(?P<M>[0-9]{2})(?P<S>:[0-9]{2})?(?P<fraction>[.,]0+)?"
    r"(?P<p> ?[AP]M| ?[ap]m)?(?P<zone> ?(?:Z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?))?$"
)
_DECIMAL_YEAR = re.compile(r"[0-9]{4}(?:\.([0-9]+))?")


class Reading(NamedTuple):
    """The labels of a series as one pattern reads them."""

    pattern: str
    unit: str  # of the dates: "year", "quarter", "month", "week", "day" or "number"
    dates: list[int | None]  # counts of the unit; None if the pattern does not fit the label
    seconds: list[int]  # since midnight
    offsets: list[int]  # of the local time from UTC, in seconds

    @property
    def n_read(self) -> int:
        return len(self.dates) - self.dates.count(None)


class _Label(NamedTuple):
    date: str
    clock: str  # pattern, without the zone
    zone: str
    hour: str
    second: int
    offset: int


def read_times(labels: Sequence[str]) -> list[Reading]:
    """Read labels with every pattern that fits more than half of them.

    Returns
    -------
    list of Reading
        In the order of ``PATTERNS``: only those that fit the most labels, and no row numbers if
        the labels can be times.
    """
    return _read_times(tuple(labels)) if labels else []


@functools.lru_cache(maxsize=4)  # the labels of a series are read several times
def _read_times(labels: tuple[str, ...]) -> list[Reading]:
    n = len(labels)
    probes = [labels[i] for i in sorted({0, min(1, n - 1), n // 2})]
    dates = [_split(probe).date for probe in probes]
    patterns = [p for p in PATTERNS if any(_regex(p).fullmatch(date) for date in dates)]
    readings = []
    if patterns:
        parts = [_split(label) for label in labels]
        clock = collections.Counter(part.clock for part in parts).most_common(1)[0][0]
        readings = [_read(parts, p, clock) for p in patterns if not clock or _unit(p) == "day"]
    if any(_DECIMAL_YEAR.fullmatch(probe) for probe in probes):
        readings += [_decimal_years(labels, 4, "quarter"), _decimal_years(labels, 12, "month")]
    most = max((reading.n_read for reading in readings), default=0)
    best = [reading for reading in readings if reading.n_read == most > n / 2]
    return [reading for reading in best if reading.unit != "number"] or best


def _read(parts: list[_Label], pattern: str, clock: str) -> Reading:
    unit = _unit(pattern)
    matches = [_regex(pattern).fullmatch(part.date) for part in parts]
    dates = [
        _count(match, unit) if match and part.clock == clock else None
        for match, part in zip(matches, parts, strict=True)
    ]
    texts = [match.groupdict() for match in matches if match]
    hours = [{"H": part.hour, "I": part.hour} for part in parts if part.hour]
    written = _with_flags(pattern, texts) + _with_flags(clock, hours) + parts[-1].zone
    seconds, offsets = [part.second for part in parts], [part.offset for part in parts]
    return Reading(written, unit, dates, seconds, offsets)


def write_time(pattern: str, fields: dict[str, int]) -> str:
    """Write the label of a time.

    Parameters
    ----------
    pattern : str
    fields : dict of str to int
        The codes of the pattern with their numbers. ``y`` derives from ``Y``, ``b`` and ``B`` from
        ``m``, and ``I`` and ``p`` from ``H``.
    """

    def written(match: re.Match[str]) -> str:
        flag, code = match[1], match[2]
        if code == "D":
            months = fields["m"] - 1 if "m" in fields else 3 * (fields["q"] - 1)
            number = f"{fields['Y'] + months / 12:.{int(flag)}f}"
            return number if flag.startswith("0") else number.rstrip("0").rstrip(".")
        if code in "bBp":
            name = MONTHS[fields["m"] - 1] if code != "p" else "AM" if fields["H"] < 12 else "PM"
            name = name[:3] if code == "b" else name
            return name.upper() if flag == "^" else name.lower() if flag == "_" else name
        if code == "y":
            return f"{fields['Y'] % 100:02d}"
        count = (fields["H"] - 1) % 12 + 1 if code == "I" else fields[code]
        width = {"Y": 4, "G": 4, "q": 1, "N": 1}.get(code, 2)
        return f"{count:0{1 if flag == '-' else width}d}"

    return re.sub(r"%([-^_]|[0-9]*)([A-Za-z])", written, pattern)


def _split(label: str) -> _Label:
    match = _CLOCK.search(label)
    if match is None:
        return _Label(label, "", "", "", 0, 0)
    hour, half, zone = int(match["H"]), (match["p"] or "").strip().lower(), match["zone"] or ""
    if hour > (12 if half else 23) or (half and not hour) or int(match["M"]) > 59:
        return _Label(label, "", "", "", 0, 0)
    if half:
        hour = hour % 12 + 12 * (half == "pm")
    second = 3600 * hour + 60 * int(match["M"]) + int((match["S"] or ":0")[1:])
    digits = re.sub("[^0-9]", "", zone).ljust(4, "0")
    offset = (3600 * int(digits[:2]) + 60 * int(digits[2:])) * (-1 if "-" in zone else 1)
    clock = match["between"] + ("%I:%M" if half else "%H:%M") + (":%S" if match["S"] else "")
    clock += match["fraction"] or ""
    if half:
        clock += (" " if " " in match["p"] else "") + ("%_p" if match["p"].islower() else "%p")
    return _Label(label[: match.start()], clock, zone, match["H"], second, offset)


@functools.cache
def _unit(pattern: str) -> str:
    codes = {"d": "day", "V": "week", "m": "month", "b": "month", "B": "month", "q": "quarter"}
    found = (unit for code, unit in codes.items() if re.search(f"%0?{code}", pattern))
    return next(found, "number" if pattern == "%N" else "year")


@functools.cache
def _regex(pattern: str) -> re.Pattern[str]:
    literals_and_codes = re.split("%(0?[A-Za-z])", pattern)
    return re.compile(
        "".join(
            f"(?P<{part[-1]}>{_CODES[part]})" if i % 2 else re.escape(part)
            for i, part in enumerate(literals_and_codes)
        )
    )


def _decimal_years(labels: Sequence[str], per_year: int, unit: str) -> Reading:
    """Read ``1949``, ``1949.083``, ``1949.167`` as months or quarters."""
    matches = [_DECIMAL_YEAR.fullmatch(label) for label in labels]
    lengths = {len(match[1] or "") for match in matches if match}
    digits = max(lengths, default=0)

    def count(text: str) -> int | None:
        nearest = round(float(text) * per_year)
        return nearest if abs(float(text) - nearest / per_year) < 0.6 * 10.0**-digits else None

    dates = [count(match[0]) if match and digits > 1 else None for match in matches]
    padding = "0" if len(lengths) == 1 else ""
    return Reading(f"%{padding}{digits}D", unit, dates, [0] * len(labels), [0] * len(labels))


def _count(match: re.Match[str], unit: str) -> int | None:
    """Return the date as a count of its unit; without a year, that of year 0."""
    texts = match.groupdict()
    year = int(texts.get("Y") or texts.get("G") or 0)
    if "y" in texts:
        year = int(texts["y"]) + (1900 if int(texts["y"]) >= 69 else 2000)  # as POSIX has it
    name = (texts.get("b") or texts.get("B") or "")[:3].title()
    month = [each[:3] for each in MONTHS].index(name) + 1 if name else int(texts.get("m") or 1)
    if not 1 <= month <= 12:
        return None
    try:
        if unit == "day":
            return datetime.date(year, month, int(texts["d"])).toordinal()
        if unit == "week":
            return datetime.date.fromisocalendar(year, int(texts["V"]), 1).toordinal() // 7
    except ValueError:
        return None
    counts = {"year": year, "quarter": 4 * year + int(texts.get("q") or 1) - 1}
    return counts.get(unit, int(texts["N"]) if unit == "number" else 12 * year + month - 1)


def _with_flags(pattern: str, texts: list[dict[str, str]]) -> str:
    """Return the pattern with the padding and the case that the labels have."""

    def flagged(match: re.Match[str]) -> str:
        code = match[1]
        there = [each[code] for each in texts if code in each]
        if code in "bB" and (there[-1].isupper() or there[-1].islower()):
            return f"%{'^' if there[-1].isupper() else '_'}{code}"
        has_zero = any(text.startswith("0") and len(text) == 2 for text in there)
        is_short = code in "mdVHI" and not has_zero and any(len(text) == 1 for text in there)
        return f"%-{code}" if is_short else f"%{code}"

    return re.sub("%0?([A-Za-z])", flagged, pattern)
