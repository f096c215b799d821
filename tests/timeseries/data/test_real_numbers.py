"""What counts as a real number does not depend on the container, nor on the function it goes to."""

import datetime
import decimal
import fractions
import warnings

import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.timeseries import AR, ARIMA, acf, kpss, ljung_box
from scratchgpt.timeseries.data.inputs import regressors
from scratchgpt.timeseries.data.real_numbers import real_numbers

EXPECTED = [1.0, 0.0, 3.0, 2.0]
ACCEPTED = {
    "ints": [1, 0, 3, 2],
    "floats": [1.0, 0.0, 3.0, 2.0],
    "text": ["1", " 0.0", "3e0", "2"],
    "bools and numbers": [True, False, 3, 2.0],
    "decimals": [decimal.Decimal(value) for value in ("1", "0", "3", "2")],
    "fractions": [fractions.Fraction(value) for value in (1, 0, 3, 2)],
    "objects": [np.int8(1), np.float32(0), decimal.Decimal(3), 2],
    "missing": [1, None, 3, float("nan")],
}
DAY = datetime.date(2024, 1, 1)
REFUSED = {
    "complex": [1 + 0j, 0, 3, 2],
    "complex of NumPy": list(np.array([1j, 0, 3, 2])),
    "one complex among objects": [None, np.complex64(1), 3, 2],
    "days": [DAY] * 4,
    "times": [datetime.datetime(2024, 1, 1)] * 4,
    "times of NumPy": [np.datetime64("2024-01-01", "ns")] * 4,
    "one time among objects": [1.0, None, np.datetime64("2024-01-01"), 2],
    "durations": [datetime.timedelta(1)] * 4,
    "durations of NumPy": [np.timedelta64(1, "D")] * 4,
    "one duration among objects": [1.0, None, np.timedelta64(1, "D"), 2],
    "words": ["1", "0", "three", "2"],
    "thousands": ["1,000", "0", "3", "2"],
    "lists": [[1], [0, 2], [3], [2]],
    "dicts": [{}, 0, 3, 2],
}


def containers(pandas, values):
    """The values in each container that can hold them."""
    yield values
    yield tuple(values)
    as_objects = np.empty(len(values), object)
    as_objects[:] = values
    yield as_objects
    yield np.ma.array(as_objects, mask=[0, 0, 0, 0])
    yield pandas.Series(as_objects)
    yield pandas.Series(values)
    yield pandas.Series(values).to_frame()
    if not any(isinstance(value, list | dict) for value in values):
        yield pandas.Series(as_objects, dtype="category")
    if all(isinstance(value, str) for value in values):
        yield pandas.Series(values, dtype="string")
        yield np.array(values)


ENTRIES = {
    "endog": lambda data: ARIMA(data),
    "new_data": lambda data: ARIMA([1.0, 2.0, 4.0, 3.0]).filter([0.0, 1.0]).append(data),
    "exog": lambda data: ARIMA([1.0, 2.0, 4.0, 3.0], data, trend="n"),
    "future": lambda data: (
        ARIMA([1.0, 2.0, 4.0, 3.0], EXPECTED, trend="n").filter([1.0, 1.0]).forecast(4, exog=data)
    ),
    "start_params": lambda data: ARIMA(np.sin(np.arange(30.0)), order=(1, 0, 1)).fit(data),
    "AR": AR,
    "acf": acf,
    "kpss": kpss,
    "ljung_box": lambda data: ljung_box(data, 2),
}


@pytest.mark.parametrize("values", ACCEPTED.values(), ids=ACCEPTED)
def test_real_numbers_are_accepted_from_every_container(pandas, values):
    has_gaps = None in values
    expected = [1.0, np.nan, 3.0, np.nan] if has_gaps else EXPECTED
    for data in containers(pandas, values):
        found = real_numbers(data, "y")
        assert found.dtype == np.float64
        np.testing.assert_array_equal(np.ravel(found), expected)


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("values", REFUSED.values(), ids=REFUSED)
def test_anything_else_is_refused_from_every_container_by_every_function(pandas, values, entry):
    for data in containers(pandas, values):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(UserError, match=r"real numbers|not an array of numbers") as refusal:
                ENTRIES[entry](data)
        assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("dtype", ["Int64", "UInt8", "Float32", "boolean"])
def test_missing_values_of_nullable_columns_are_nan(pandas, dtype):
    series = pandas.Series([1, None, 1, 0], dtype=dtype)
    for data in (series, series.to_frame(), pandas.DataFrame({"a": series, "b": 0.5})[["a"]]):
        np.testing.assert_array_equal(np.ravel(real_numbers(data, "y")), [1, np.nan, 1, 0])


def test_columns_of_several_kinds_are_converted_one_by_one(pandas):
    table = pandas.DataFrame({"a": [True, False], "b": [1, 2], "c": [decimal.Decimal(1), None]})
    np.testing.assert_array_equal(real_numbers(table, "x"), [[1, 1, 1], [0, 2, np.nan]])
    with pytest.raises(UserError, match=r"exog .*Timestamp\('2024-01-01"):
        regressors(table.assign(day=pandas.Timestamp("2024-01-01")), 2)
    with pytest.raises(UserError, match=r"exog has dtype datetime64.*; give real numbers"):
        regressors(table[["b"]].assign(b=pandas.Timestamp("2024-01-01")), 2)


def test_the_result_is_a_copy(pandas):
    for mine in (np.arange(3.0), pandas.Series(np.arange(3.0)), np.ma.array(np.arange(3.0))):
        real_numbers(mine, "y")[0] = 7
        assert mine[0] == 0
