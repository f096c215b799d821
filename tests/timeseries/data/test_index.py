import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.timeseries.data.index import TimeIndex
from scratchgpt.timeseries.data.pandas_labels import pandas_index


def indexes(pandas):
    """For each kind: an index of 24 labels and the three labels that follow."""
    dates = pandas.date_range("2020-01", periods=27, freq="MS")
    plain = pandas.DatetimeIndex(list(dates))  # without its frequency, which must be inferred
    quarters = pandas.period_range("2020Q1", periods=27, freq="Q")
    zoned = pandas.date_range("2020-01-31", periods=27, freq="D", tz="Europe/Zurich")
    return {
        "monthly": (dates[:24], dates[24:]),
        "dates": (plain[:24], plain[24:]),
        "quarters": (quarters[:24], quarters[24:]),
        "business days": tuple(np.split(pandas.bdate_range("2021-03-01", periods=27), [24])),
        "zoned": (zoned[:24], zoned[24:]),
        "range": (pandas.RangeIndex(24), pandas.RangeIndex(24, 27)),
        "years": (pandas.Index(range(1871, 1895)), pandas.RangeIndex(1895, 1898)),
        "even": (pandas.RangeIndex(10, 58, 2), pandas.RangeIndex(58, 64, 2)),
        "uneven": (pandas.Index([*range(23), 99]), pandas.RangeIndex(24, 27)),
        "words": (pandas.Index([f"w{i}" for i in range(24)]), pandas.RangeIndex(24, 27)),
    }


KINDS = ("monthly", "dates", "quarters", "business days", "zoned", "range", "years", "even",
         "uneven", "words")  # fmt: skip


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


def made(pandas, kind):
    index, following = indexes(pandas)[kind]
    series = pandas.Series(np.arange(24.0), index=index, name="sales")
    return TimeIndex(series, 24), pandas.Index(index), pandas.Index(following)


def test_forecasts_continue_the_index(pandas, kind):
    index, _, following = made(pandas, kind)
    ahead = index.series(np.zeros(3), 24, "forecast")
    assert list(ahead.index) == list(following)
    assert type(ahead.index) is type(following) or kind == "business days"
    assert ahead.name == "forecast"


def test_predictions_within_the_series_keep_its_labels(pandas, kind):
    index, labels, following = made(pandas, kind)
    assert list(index.series(np.zeros(4), 2, None).index) == list(labels[2:6])
    across = index.frame(np.zeros((5, 2)), 22, ["a", "b"])
    assert list(across.index) == [*labels[22:], *following]
    assert list(across.columns) == ["a", "b"]


def test_every_label_finds_its_position(pandas, kind):
    if kind == "uneven":
        pytest.skip("in an uneven index, a number is a position and not a label")
    index, labels, following = made(pandas, kind)
    known = list(labels) if kind == "words" else [*labels, *following]
    for side in ("left", "right"):
        assert [index.position(label, side) for label in known] == list(range(len(known)))


def test_without_pandas_arrays_stay_arrays():
    index = TimeIndex([1.0, 2.0, 3.0], 3)
    values = np.arange(2.0)
    assert index.series(values, 3, "x") is values
    assert index.named(values, ("a", "b")) is values
    assert index.frame(values[:, None], 0, ["x"]).shape == (2, 1)
    assert index.position(-1) == 2
    assert index.position(7) == 7
    assert pandas_index(np.zeros(3)) is None
    assert pandas_index([1]) is None  # a list has a method called index


def test_a_year_means_its_first_month_as_a_start_and_its_last_as_an_end(pandas):
    index, _, _ = made(pandas, "monthly")
    assert (index.position("2021", "left"), index.position("2021", "right")) == (12, 23)
    assert (index.position("2022", "left"), index.position("2022", "right")) == (24, 35)
    assert index.position("2030-06") == 125
    assert index.position("2020-02-15", "left") == 2
    assert index.position("2020-02-15", "right") == 1


def test_dates_without_a_frequency_are_followed_by_positions(pandas):
    dates = pandas.DatetimeIndex(["2020-01-01", "2020-01-02", "2020-02-20", "2020-02-21"])
    index = TimeIndex(pandas.Series(np.arange(4.0), index=dates), 4)
    assert list(index.between(4, 6)) == [4, 5]
    assert list(index.between(3, 6)) == [3, 4, 5]
    assert list(index.between(1, 3)) == list(dates[1:3])


def test_dates_without_a_frequency_are_labels_of_positions(pandas):
    dates = pandas.DatetimeIndex(["2020-01-01", "2020-01-02", "2020-02-20", "2020-02-21"])
    for zone in (None, "Asia/Tokyo"):
        index = TimeIndex(pandas.Series(np.arange(4.0), index=dates.tz_localize(zone)), 4)
        for i, label in enumerate(index.index):
            for moment in (label, label.isoformat(), label.to_pydatetime()):
                assert index.position(moment, "left") == index.position(moment, "right") == i
        assert (index.position("2020-01", "left"), index.position("2020-01", "right")) == (0, 1)
        assert (index.position("2020-02", "left"), index.position("2020-02", "right")) == (2, 3)
        assert (index.position("2020", "left"), index.position("2020", "right")) == (0, 3)
        assert (index.position("2020-01-15", "left"), index.position("2020-01-15", "right")) == (
            2,
            1,
        )
        for late in ("2020-02-22", "2020-03", "2021", index.index[-1] + pandas.Timedelta(1, "h")):
            with pytest.raises(UserError, match=r"is after the last observation, 2020-02-21.*give"):
                index.position(late, "right")
        with pytest.raises(UserError, match="is before the first observation"):
            index.position("2019", "right")


def test_a_label_that_occurs_twice_has_no_position(pandas):
    index = TimeIndex(pandas.Series(np.arange(3.0), index=["a", "b", "a"]), 3)
    assert index.position("b") == 1
    with pytest.raises(UserError, match="'a' is 2 times in the index of endog"):
        index.position("a")


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["2020-03", "2020-02", "2020-01"], "not in increasing order"),
        (["2020-01", "2020-02", "2020-02"], "has repeated dates"),
    ],
)
def test_dates_out_of_order_are_refused(pandas, labels, message):
    series = pandas.Series(np.arange(3.0), index=pandas.DatetimeIndex(labels))
    with pytest.raises(UserError, match=f"the index of endog.*{message}"):
        TimeIndex(series, 3)


@pytest.mark.parametrize(
    ("kind", "label", "message"),
    [
        ("monthly", "2019-12", "is before the first observation"),
        ("monthly", None, "None does not fit the index of endog, the series: it is missing"),
        ("monthly", np.nan, "nan does not fit the index of endog"),
        ("monthly", "soon", "'soon' does not fit the index of endog, the series: "),
        ("quarters", "2010", "is before the first observation"),
        ("years", 1870, "1870 is not a position or label of endog.*starting at 1871"),
        ("even", 11, "11 is not a position or label"),
        ("range", -25, "-25 is not a position"),
        ("words", "x", "'x' is not in the index of endog"),
    ],
)
def test_labels_that_do_not_exist_are_refused(pandas, kind, label, message):
    index, _, _ = made(pandas, kind)
    with pytest.raises(UserError, match=message):
        index.position(label)


def test_new_data_must_begin_where_the_series_ends(pandas):
    index, labels, following = made(pandas, "monthly")
    right = pandas.Series(np.zeros(3), index=following)
    longer = index.followed_by(right, 3)
    assert list(longer.index) == [*labels, *following]
    assert list(index.followed_by([0.0, 1.0], 2).index) == [*labels, *following[:2]]
    assert index.n == 24
    wrong = pandas.Series(np.zeros(3), index=following + pandas.DateOffset(months=1))
    with pytest.raises(
        UserError, match=r"new_data runs from 2022-02-01.*after endog run from 2022-01-01"
    ):
        index.followed_by(wrong, 3)


def test_regressors_of_other_dates_are_refused(pandas):
    index, labels, following = made(pandas, "quarters")
    index.refuse_other_index(pandas.Series(np.zeros(24), index=labels), "exog")
    index.refuse_other_index(np.zeros(24), "exog")
    with pytest.raises(UserError, match="the index of exog differs from that of endog"):
        index.refuse_other_index(pandas.Series(np.zeros(24), index=labels + 1), "exog")
    ahead = pandas.Series(np.zeros(3), index=following)
    assert index.rows_of(ahead, 24, 3, "exog") == [0, 1, 2]
    with pytest.raises(
        UserError, match="exog has no row for 2026Q1: its 3 rows run from 2026Q2 to 2026Q4"
    ):
        index.rows_of(pandas.Series(np.zeros(3), index=following + 1), 24, 3, "exog")
