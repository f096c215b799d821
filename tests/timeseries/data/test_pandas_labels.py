"""Regressors and new values are found by their labels, wherever a model takes them."""

import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.timeseries.arima import ARIMA

N, STEPS = 24, 3
BETA = np.array([1.0, 100.0])
X = np.random.default_rng(0).normal(size=(N + STEPS, 2)).round(2)
Y = np.random.default_rng(1).normal(size=N + STEPS)

ENTRIES = {
    "forecast": lambda r, x, y: r.forecast(STEPS, exog=x),
    "get_forecast": lambda r, x, y: r.get_forecast(STEPS, x).predicted_mean,
    "predict": lambda r, x, y: r.predict(*ahead_of(r.model.index), exog=x),
    "simulate": lambda r, x, y: r.simulate(STEPS, anchor="end", exog=x),
    "append": lambda r, x, y: r.append(y, exog=x).fittedvalues[N:],
}


def ahead_of(index):
    """The first and the last label of the forecast, or their positions."""
    following = index.between(N, N + STEPS)
    return (N, N + STEPS - 1) if following is None else (following[0], following[-1])


def labels(pandas, kind):
    """N + STEPS labels of a kind."""
    n = N + STEPS
    return {
        "months": lambda: pandas.date_range("2020-01", periods=n, freq="MS"),
        "zoned": lambda: pandas.date_range("2020-01-31", periods=n, freq="D", tz="Asia/Tokyo"),
        "quarters": lambda: pandas.period_range("2020Q1", periods=n, freq="Q"),
        "years": lambda: pandas.Index(range(1990, 1990 + n)),
        "numbers": lambda: pandas.RangeIndex(n),
        "trading days": lambda: (
            pandas.to_datetime("2020-01-01")
            + pandas.to_timedelta(np.cumsum([1, 1, 1, 4, 2] * 6)[:n], unit="D")
        ),
        "words": lambda: pandas.Index([f"w{i}" for i in range(n)]),
    }[kind]()


WITH_A_RULE = ("months", "zoned", "quarters", "years", "numbers")


@pytest.fixture(params=[*WITH_A_RULE, "trading days", "words"])
def kind(request):
    return request.param


def model_of(pandas, index, *, endog=True, exog=True):
    """A regression whose predictions are X @ BETA; endog or exog may be without labels."""
    y, x = Y[:N], X[:N]
    y = pandas.Series(y, index=index[:N]) if endog else y
    x = pandas.DataFrame(x, index=index[:N], columns=["rain", "price"]) if exog else x
    return ARIMA(y, x, order=(0, 0, 0), trend="n").filter([*BETA, 1e-20])


@pytest.mark.parametrize("entry", ENTRIES)
def test_rows_and_columns_are_taken_by_their_labels(pandas, kind, entry):
    index = labels(pandas, kind)
    every = pandas.DataFrame(X, index=index, columns=["rain", "price"])
    ahead, new = every.iloc[N:], pandas.Series(Y[N:], index=index[N:])
    text = ahead.assign(remark="fair")[["remark", "price", "rain"]]
    accepted = [ahead, ahead[["price", "rain"]], text, ahead.to_numpy()]
    accepted += [ahead.reset_index(drop=True)]
    if kind in WITH_A_RULE:
        accepted += [every, ahead.iloc[::-1], every.sample(frac=1, random_state=0)]
    for exog in accepted:
        for result in (model_of(pandas, index), model_of(pandas, index, endog=False)):
            found = np.asarray(ENTRIES[entry](result, exog, new))
            np.testing.assert_allclose(found, X[N:] @ BETA, atol=1e-8)


@pytest.mark.parametrize("entry", ENTRIES)
def test_rows_and_columns_that_do_not_match_are_refused(pandas, kind, entry):
    index = labels(pandas, kind)
    every = pandas.DataFrame(X, index=index, columns=["rain", "price"])
    ahead, new = every.iloc[N:], pandas.Series(Y[N:], index=index[N:])
    refused = {
        "exog has no column 'price'": ahead.rename(columns={"price": "cost"}),
        "exog has no column 'rain'": pandas.DataFrame(X[N:], index=index[N:]),
        "exog has several columns named 'rain'": pandas.concat([ahead, ahead], axis=1),
        r"exog has (no|a) row for|exog does not": every.iloc[N - 4 : N - 1],
    }
    if kind in WITH_A_RULE:
        late = every.shift(2, freq="infer") if kind in ("months", "zoned", "quarters") else None
        late = every.set_axis(every.index + 2) if late is None else late
        refused["exog has no row for"] = late.iloc[N:]
        refused[r"exog has no row for .*: its 2 rows"] = ahead.iloc[[0, 2]]
        refused["exog has several rows for"] = ahead.iloc[[0, 1, 2, 1]]
    for message, exog in refused.items():
        for result in (model_of(pandas, index), model_of(pandas, index, endog=False)):
            with pytest.raises(UserError, match=message) as refusal:
                ENTRIES[entry](result, exog, new)
            assert "\n" not in str(refusal.value)


def test_names_of_the_columns_count_only_if_the_model_has_names(pandas):
    index = labels(pandas, "months")
    result = model_of(pandas, index, exog=False)
    ahead = pandas.DataFrame(X[N:], index=index[N:], columns=["rain", "price"])
    np.testing.assert_allclose(result.forecast(3, exog=ahead), X[N:] @ BETA)
    ahead.columns = ["x2", "x1"]
    np.testing.assert_allclose(result.forecast(3, exog=ahead), X[N:, ::-1] @ BETA)


def test_one_regressor_and_one_row_keep_their_labels(pandas):
    index = labels(pandas, "months")
    x = pandas.Series(X[:, 0], index=index, name="rain")
    result = ARIMA(pandas.Series(Y[:N], index=index[:N]), x[:N]).filter([0.0, 2.0, 1.0])
    for exog in (x, x[N:], x[N:].rename(None), x[N:].to_frame(), X[N:, 0]):
        np.testing.assert_allclose(result.forecast(3, exog=exog), 2 * X[N:, 0])
    with pytest.raises(UserError, match="exog has no column 'rain'; its columns are price"):
        result.forecast(3, exog=x[N:].rename("price"))
    with pytest.raises(UserError, match="exog has no row for 2022-02-01"):
        result.append(pandas.Series(Y[N:], index=index[N:]), exog=x.iloc[[N, N + 2]])

    result = model_of(pandas, index)
    every = pandas.DataFrame(X, index=index, columns=["rain", "price"])[["price", "rain"]]
    np.testing.assert_allclose(result.forecast(1, exog=every.iloc[N]), X[N : N + 1] @ BETA)
    with pytest.raises(UserError, match="exog has no row for 2022-01-01: its 1 rows run from 2022"):
        result.forecast(1, exog=every.iloc[N + 1])


def test_new_values_must_have_the_labels_that_follow(pandas, kind):
    index = labels(pandas, kind)
    result = ARIMA(pandas.Series(Y[:N], index=index[:N]), order=(0, 0, 0)).filter([0.0, 1.0])
    right = pandas.Series(Y[N:], index=index[N:])
    for new in (right, right.reset_index(drop=True), right.to_numpy()):
        assert len(result.append(new).fittedvalues) == N + STEPS
    assert list(result.append(right).fittedvalues.index) == list(index)
    with pytest.raises(UserError, match=r"new_data (runs from|has a row for)"):
        result.append(pandas.Series(Y[:3], index=index[N - 3 : N]))
    if kind in WITH_A_RULE:
        with pytest.raises(UserError, match=r"after endog run from .*: in row 0 it is"):
            result.append(right.iloc[1:])


def test_other_kinds_of_labels_are_refused(pandas):
    months, days = labels(pandas, "months"), labels(pandas, "trading days")
    ahead = pandas.DataFrame(X[N:], index=months[N:], columns=["rain", "price"])
    for other in (months[N:].to_period("M"), months[N:].tz_localize("UTC"), months[N:].astype(str)):
        with pytest.raises(UserError, match="exog has no row for 2022-01-01"):
            model_of(pandas, months).forecast(3, exog=ahead.set_axis(other))
        with pytest.raises(UserError, match="exog has a row for 2022-01"):
            model_of(pandas, days).forecast(3, exog=ahead.set_axis(other))


def test_a_simulation_from_the_start_takes_the_rows_of_the_series(pandas, kind):
    index = labels(pandas, kind)
    every = pandas.DataFrame(X, index=index, columns=["rain", "price"])
    result = model_of(pandas, index)
    for n, exog in ((5, every.iloc[:5]), (N, None), (N + STEPS, every)):
        np.testing.assert_allclose(result.simulate(n, exog=exog), X[:n] @ BETA, atol=1e-8)
    with pytest.raises(UserError, match=r"exog (has no row|has a row|does not have|has several)"):
        result.simulate(N + STEPS, exog=every.iloc[[1, 0, *range(2, N + 1), 0, 3]])


def test_a_table_without_columns_is_no_regressor(pandas):
    months = labels(pandas, "months")
    for y in (Y[:N], pandas.Series(Y[:N], index=months[:N])):
        result = ARIMA(y, pandas.DataFrame(index=months[:N]), order=(0, 0, 0)).fit()
        np.testing.assert_allclose(result.forecast(2), Y[:N].mean())


def test_exog_of_other_labels_than_endog_is_refused(pandas, kind):
    index = labels(pandas, kind)
    y = pandas.Series(Y[:N], index=index[:N])
    with pytest.raises(UserError, match=r"the index of exog differs from that of endog: in row 0"):
        ARIMA(y, pandas.DataFrame(X[1 : N + 1], index=index[1 : N + 1]))
