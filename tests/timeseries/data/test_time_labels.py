import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchgpt.errors import UserError
from scratchgpt.timeseries import infer_frequency


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
