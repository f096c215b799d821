import decimal

import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.timeseries.data.inputs import (
    column_names,
    endog_values,
    refuse_constant,
    regressors,
)


@pytest.mark.parametrize(
    "endog",
    [
        [1, 2, 4],
        (1.0, 2.0, 4.0),
        np.array([1, 2, 4], np.int8),
        np.array([[1], [2], [4]], np.float32),
        np.ma.array([1, 2, 4]),
        [decimal.Decimal(1), decimal.Decimal(2), decimal.Decimal(4)],
        np.array([0, 1, 2, 3, 4])[[1, 2, 4]],
    ],
    ids=lambda endog: type(endog).__name__,
)
def test_numbers_of_any_type_are_accepted(endog):
    values = endog_values(endog)
    assert values.dtype == np.float64
    np.testing.assert_array_equal(values, [1, 2, 4])


@pytest.mark.parametrize(
    "endog", [[1, None, 4], [1, np.nan, 4], np.ma.array([1, 2, 4], mask=[0, 1, 0])]
)
def test_missing_values_become_nan(endog):
    np.testing.assert_array_equal(endog_values(endog), [1, np.nan, 4])


def test_pandas_columns_are_accepted_including_na(pandas):
    for dtype in ("float64", "Float64", "Int64"):
        series = pandas.Series([1, None, 4], dtype=dtype)
        np.testing.assert_array_equal(endog_values(series), [1, np.nan, 4])
        np.testing.assert_array_equal(endog_values(series.to_frame()), [1, np.nan, 4])


def test_the_series_of_the_caller_is_not_written_to():
    mine = np.arange(3.0)
    endog_values(mine)[0] = 7
    assert mine[0] == 0


@pytest.mark.parametrize(
    ("endog", "message"),
    [
        ([], "endog has 0 observed values"),
        ([np.nan, np.nan], "endog has no observation: all 2 values are NaN"),
        ([1, np.inf, 2], "infinite"),
        ([1, "two", 3], "endog is not an array of numbers"),
        ([[1, 2], [3, 4]], r"endog has shape \(2, 2\)"),
        (3.0, r"endog has shape \(\)"),
        (np.array([1j, 2]), "dtype complex128; give real numbers"),
        (np.array(["2020-01"], "datetime64[M]"), "dtype datetime64"),
        ([[1, 2], [3]], "endog is not an array of numbers"),
        (None, r"endog has shape \(\)|no observation"),
    ],
)
def test_anything_but_a_series_is_refused_in_one_line(endog, message):
    with pytest.raises(UserError, match=message) as refusal:
        endog_values(endog)
    assert "\n" not in str(refusal.value)


def test_a_constant_series_is_refused_but_a_single_value_is_not():
    with pytest.raises(UserError, match=r"constant: all 3 observed values are 2\.5"):
        refuse_constant(np.array([2.5, np.nan, 2.5, 2.5]))
    refuse_constant(np.array([2.5]))
    refuse_constant(np.array([2.5, 2.5 + 1e-15]))


def test_one_regressor_or_one_row_may_be_a_flat_list():
    np.testing.assert_array_equal(regressors([1, 2, 3], 3), [[1], [2], [3]])
    np.testing.assert_array_equal(regressors([1, 2], 1, names=("a", "b")), [[1, 2]])


@pytest.mark.parametrize(
    ("exog", "message"),
    [
        ([1, 2], "exog has 2 rows, but endog has 3"),
        ([1, np.nan, 3], "exog is nan in row 1, column 0"),
        ([[1, 2], [1, -np.inf], [1, 2]], "exog is -inf in row 1, column 1"),
        (np.zeros((3, 1, 1)), r"exog has shape \(3, 1, 1\)"),
        (["a", "b", "c"], "exog is not an array of numbers"),
    ],
)
def test_regressors_that_cannot_be_used_are_refused(exog, message):
    with pytest.raises(UserError, match=message):
        regressors(exog, 3)


def test_a_wrong_number_of_columns_is_refused_with_the_expected_names():
    with pytest.raises(UserError, match="exog has 1 columns, but the model has 2: price, rain"):
        regressors([[1], [2]], 2, names=("price", "rain"))


def test_columns_have_pandas_names_or_numbers(pandas):
    assert column_names(np.zeros((3, 2)), 2) == ("x1", "x2")
    assert column_names(pandas.DataFrame({"rain": [1], 7: [2]}), 2) == ("rain", "7")
    assert column_names(pandas.Series([1], name="rain"), 1) == ("rain",)
    assert column_names(pandas.Series([1]), 1) == ("x1",)
