import calendar
import datetime
import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchgpt.errors import UserError
from scratchgpt.timeseries import infer_frequency
from scratchgpt.timeseries.data.time_labels import infer, odd_label
from scratchgpt.timeseries.data.time_spellings import PATTERNS


@pytest.mark.parametrize(
    ("labels", "period", "following"),
    [
        (["1949", "1950"], 1, ["1951", "1952"]),
        (["1940", "1950", "1960"], 1, ["1970", "1980"]),
        (["2020-Q3", "2020-Q4"], 4, ["2021-Q1", "2021-Q2"]),
        (["2020 Q3", "2020 Q4"], 4, ["2021 Q1", "2021 Q2"]),
        (["2020Q3", "2020Q4"], 4, ["2021Q1", "2021Q2"]),
        (["1949-11", "1949-12"], 12, ["1950-01", "1950-02"]),
        (["1949-09", "1949-12"], 4, ["1950-03", "1950-06"]),
        (["2020-01-01", "2020-02-01"], 12, ["2020-03-01", "2020-04-01"]),
        (["2020-01-31", "2020-02-29"], 12, ["2020-03-31", "2020-04-30"]),
        (["2019-12-15", "2020-03-15"], 4, ["2020-06-15", "2020-09-15"]),
        (["2020-02-28", "2020-02-29"], 7, ["2020-03-01", "2020-03-02"]),
        (["2020-02-24", "2020-03-02"], 52, ["2020-03-09", "2020-03-16"]),
        (["2020-02-24", "2020-02-26"], 1, ["2020-02-28", "2020-03-01"]),
        (["2020-12-31 22:00", "2020-12-31 23:00"], 24, ["2021-01-01 00:00", "2021-01-01 01:00"]),
        (["2020-01-01T00:00:00", "2020-01-01T00:30:00"], 48, ["2020-01-01T01:00:00"] * 0),
    ],
)
def test_the_season_and_the_following_labels(labels, period, following):
    frequency = infer_frequency(labels)
    assert frequency.period == period
    assert frequency.following(2)[: len(following)] == following


@given(
    st.dates(datetime.date(1900, 1, 1), datetime.date(2100, 1, 1)),
    st.integers(1, 40),
    st.integers(3, 9),
)
def test_days_continue_in_equal_steps(first, step, n):
    days = [(first + datetime.timedelta(step * i)).isoformat() for i in range(n + 2)]
    assert infer_frequency(days[:n]).following(2) == days[n:]


@given(st.integers(1900, 2100), st.integers(0, 11), st.integers(1, 12), st.integers(2, 30))
def test_months_continue_in_equal_steps(year, month, step, n):
    months = [year * 12 + month + step * i for i in range(n + 2)]
    labels = [f"{each // 12}-{each % 12 + 1:02d}" for each in months]
    assert infer_frequency(labels[:n]).following(2) == labels[n:]


def test_seconds_are_written_if_the_labels_have_them():
    frequency = infer_frequency(["2020-01-01T00:00:00", "2020-01-01T00:30:00"])
    assert frequency.following(1) == ["2020-01-01T01:00:00"]


@pytest.mark.parametrize(
    "labels",
    [
        [],
        ["1949"],
        ["a", "b"],
        ["1949", "1950-01"],
        ["1949-13", "1949-14"],
        ["2020-02-30", "2020-02-31"],
        ["2020-01-01 25:00", "2020-01-01 26:00"],
        ["2020-01-03", "2020-01-06", "2020-01-07"],  # Friday, Monday, Tuesday
    ],
)
def test_labels_without_a_frequency(labels):
    assert infer_frequency(labels) is None


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["2020-01", "2020-02", "2020-04"], "2020-04 follows 2020-02; times must increase"),
        (["1950", "1949"], "1949 follows 1950"),
        (["2020-Q1", "2020-Q1"], "2020-Q1 follows 2020-Q1"),
        (["2020-01-02", "2020-01-01"], "2020-01-01 follows 2020-01-02"),
        (["2020-01-01", "2020-02-01", "2020-04-01"], "2020-04-01 follows 2020-02-01"),
    ],
)
def test_irregular_times_are_refused(labels, message):
    with pytest.raises(UserError, match=message):
        infer_frequency(labels)


def months(first, step, n, day):
    """``n`` dates on a day of the month, or on its last day if the month is shorter."""
    counts = [12 * first.year + first.month - 1 + step * i for i in range(n)]
    pairs = [(count // 12, count % 12 + 1) for count in counts]
    return [datetime.datetime(*pair, min(day, calendar.monthrange(*pair)[1])) for pair in pairs]


def equal_steps(first, step, n):
    return [first + step * i for i in range(n)]


def business_days(first, n):
    days = equal_steps(first, datetime.timedelta(1), 2 * n)
    return [day for day in days if day.weekday() < 5][:n]


# A start for which each way to read days and months as numbers below 13 is tried.
FIRST = datetime.datetime(2017, 11, 8)
N, AHEAD = 26, 5
YEARS = months(FIRST, 12, N + AHEAD, 1)
QUARTERS = months(datetime.datetime(2017, 10, 1), 3, N + AHEAD, 1)
MONTHS = months(FIRST, 1, N + AHEAD, 1)
WEEKS = equal_steps(datetime.datetime(2017, 11, 6), datetime.timedelta(7), N + AHEAD)
HOURS = [datetime.timedelta(hours=1), datetime.timedelta(minutes=30), datetime.timedelta(minutes=1)]
DAYS = [
    *(YEARS, QUARTERS, MONTHS, WEEKS, months(FIRST, 1, N + AHEAD, 31)),
    *(months(FIRST, 3, N + AHEAD, 31), months(FIRST, 1, N + AHEAD, 30)),
    *(equal_steps(FIRST, datetime.timedelta(1), N + AHEAD), business_days(FIRST, N + AHEAD)),
]
CLOCKS = ["%H:%M", "%H:%M:%S", "%H:%M:%S.000", "%H:%M:%SZ", "%H:%M:%S+01:00", "%-H:%M", "%-I:%M %p"]


def label(time, pattern):
    """Write a time without the code under test; ``-m`` has no leading zero."""
    pattern = pattern.replace("%q", str((time.month + 2) // 3)).replace("%0", "%")
    for code in ("b", "B", "p"):
        pattern = pattern.replace(f"%^{code}", time.strftime(f"%{code}").upper())
        pattern = pattern.replace(f"%_{code}", time.strftime(f"%{code}").lower())
    return time.strftime(pattern)


def spelled():
    """Every spelling with the times that it can write, and the ISO spelling of these."""
    for pattern in PATTERNS:
        variants = [pattern]
        if re.search("%[mdV]", pattern):
            variants.append(re.sub("%([mdV])", r"%-\1", pattern))
        if re.search("%[bB]", pattern):
            variants += [re.sub("%([bB])", rf"%{case}\1", pattern) for case in "^_"]
        for variant in variants:
            codes = set(re.findall("%[-^_0]?([A-Za-z])", variant))
            if "d" in codes:
                yield from ((variant, "%Y-%m-%d", times) for times in DAYS)
            elif "V" in codes:
                yield variant, "%G-W%V", WEEKS
            elif codes & {"m", "b", "B"}:
                yield variant, "%Y-%m", MONTHS
            elif "q" in codes:
                yield variant, "%Y-Q%q", QUARTERS
            elif pattern != "%N":
                yield variant, "%Y", YEARS
    # Within one day, a number above 12 shows which one is the day.
    hours = [equal_steps(FIRST.replace(day=25), step, N + AHEAD) for step in HOURS]
    dates = ["%Y-%m-%d ", "%Y-%m-%dT", "%d/%m/%Y ", "%-m/%-d/%Y ", "%d.%m.%Y ", "%d-%b-%Y "]
    for date, clock in itertools.product(dates, CLOCKS):
        yield from ((date + clock, "%Y-%m-%d %H:%M", times) for times in (MONTHS, *hours))


def test_every_spelling_has_the_period_of_the_iso_spelling_and_is_continued():
    n_tried, periods = 0, {}
    for pattern, iso, times in spelled():
        labels = [label(time, pattern) for time in times]
        if (iso, times[1], times[-1]) not in periods:
            standard = infer([label(time, iso) for time in times[:N]])
            periods[iso, times[1], times[-1]] = standard.frequency.period
        frequency, note = infer(labels[:N])
        assert frequency is not None, (pattern, labels[:3], note)
        assert frequency.period == periods[iso, times[1], times[-1]], (pattern, labels[:3])
        assert frequency.following(AHEAD) == labels[N:], (pattern, labels[N - 2 : N])
        n_tried += 1
    assert n_tried > 600
    assert set(periods.values()) == {1, 4, 5, 7, 12, 24, 48, 52, 60}


@pytest.mark.parametrize(
    ("labels", "continued", "note"),
    [
        (["01/02/2018", "01/03/2018"], "01/04/2018", "the time 01/03/2018 is read as 2018-03-01"),
        (["01/12/2018", "01/13/2018"], "01/14/2018", ""),
        (["JAN-18", "FEB-18"], "MAR-18", "the time FEB-18 is read as 2018-02"),
        (["JAN-68", "FEB-68"], "MAR-68", "read as 2068-02"),
        (["JAN-69", "FEB-69"], "MAR-69", "read as 1969-02"),
        (["1949", "1949.083", "1949.167"], "1949.25", ""),
        (["1949.00", "1949.25", "1949.50"], "1949.75", ""),
        (["0", "1", "2"], "3", ""),
        (["999", "1000"], "1001", "times such as 1000 are read as numbers"),
        (["Nov", "Dec", "Jan"], "Feb", ""),
        (["2018-9", "2018-10", "2018-11", "2018-12", "2019-01"], "2019-02", "begin with 2019-02"),
        (["2018-02-28", "2018-03-30", "2018-04-27"], "2018-05-31", "which begin with 2018-05-31"),
        (["02.01.2018", "01.02.2018", "01.03.2018"], "01.04.2018", "which begin with 01.04.2018"),
        (
            ["2018-03-25T01:00+01:00", "2018-03-25T03:00+02:00"],
            "2018-03-25T04:00+02:00",
            "not written like those of the forecasts, which begin with 2018-03-25T04:00+02:00",
        ),
    ],
)
def test_assumptions_are_said(labels, continued, note):
    frequency, said = infer(labels)
    assert frequency.following(1) == [continued]
    assert note in said
    assert bool(said) == bool(note)
    if note:
        with pytest.warns(UserWarning, match="time"):
            infer_frequency(labels)


@pytest.mark.parametrize(
    ("labels", "note"),
    [
        (["2020-01-01", "2020-01-02", "2020-01-04"], "2020-01-04 follows 2020-01-02"),
        (["1/1/2020 0:00", "1/1/2020 1:00", "1/1/2020 3:00"], "1/1/2020 3:00 follows"),
        (["spring 2020", "fall 2020"], "times such as 'spring 2020' are not understood"),
        (["5", "7", "8"], "times such as '8' are not understood"),
        (["2020-01-01 10:60", "2020-01-01 11:60"], "are not understood"),
    ],
)
def test_the_reason_why_there_is_no_frequency_is_said(labels, note):
    assert note in infer(labels).note
    assert infer(labels).frequency is None


def test_a_label_that_is_not_a_time_among_times_is_found():
    times = [f"{month}/2018" for month in range(1, 13)]
    assert odd_label(times) is None
    for at in (0, 1, 6, 12):
        assert odd_label([*times[:at], "Total", *times[at:]]) == at
    assert odd_label(["a", "2018", "b"]) is None
    assert odd_label([]) is None


@pytest.mark.parametrize(
    ("labels", "advice"),
    [
        (["Jan 2018", "Jan 2018"], "so keep one line per time"),
        (["03.01.2018", "02.01.2018", "01.01.2018"], "so sort the lines by time"),
        (["Q1 2018", "Q2 2018", "Q4 2018"], "so write a line for each missing value too"),
    ],
)
def test_the_error_about_the_order_says_what_to_do(labels, advice):
    with pytest.raises(UserError, match=advice):
        infer_frequency(labels)
