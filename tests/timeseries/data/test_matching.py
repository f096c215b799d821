import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchgpt.errors import UserError
from scratchgpt.timeseries.data.matching import columns_named, rows_at


@given(st.permutations(range(9)), st.integers(0, 8), st.integers(1, 9))
def test_each_wanted_time_is_found_in_rows_of_any_order(labels, first, n):
    wanted = list(range(first, min(first + n, 9)))
    assert [labels[row] for row in rows_at(labels, wanted, "plan")] == wanted
    names = [str(each) for each in wanted]
    assert [labels[column] for column in columns_named(labels, names, "plan")] == wanted


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["b", "d"], "plan has no row for c: its 2 rows run from b to d; .*each of the 3 times"),
        (["c", "d"], "plan has no row for b"),
        (["b", "c", "d", "c"], "plan has several rows for c; keep one row per time"),
        ([1, 2, 3], "no row for b: its 3 rows run from 1 to 3, of type int and not str; it needs"),
        ([], "plan has no row for b: it is empty"),
    ],
)
def test_times_that_are_missing_or_repeated_are_refused(labels, message):
    with pytest.raises(UserError, match=message):
        rows_at(labels, ["b", "c", "d"], "plan")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            ["prize", "rain"],
            "plan has no column 'price'; did you mean 'prize'.; its columns are prize",
        ),
        (["rain", "price", "price"], "plan has several columns named 'price'"),
    ],
)
def test_columns_that_are_missing_or_repeated_are_refused(names, message):
    with pytest.raises(UserError, match=message):
        columns_named(names, ["price", "rain"], "plan")
