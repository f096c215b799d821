"""Every diagnostic and every autoregression computes a result or explains why it cannot."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.timeseries.ar import AR, METHODS
from scratchgpt.timeseries.diagnostics.correlation import acf, pacf
from scratchgpt.timeseries.diagnostics.dickey_fuller import dickey_fuller
from scratchgpt.timeseries.diagnostics.kpss import kpss
from scratchgpt.timeseries.diagnostics.ljung_box import ljung_box
from scratchgpt.timeseries.diagnostics.seasonal_strength import seasonal_strength
from scratchgpt.timeseries.diagnostics.stl import stl


def fitted(y: np.ndarray, order: int | None, method: str) -> Any:
    result = AR(y, order).fit(method)
    return result.resid, result.forecast(2), result.forecast_se(2)


LAGS = (0, 1, 2, 5)
CALLS: dict[str, tuple[Callable[..., Any], list[tuple[Any, ...]]]] = {
    "dickey_fuller": (dickey_fuller, list(itertools.product(("n", "c", "ct"), (None, *LAGS)))),
    "kpss": (kpss, list(itertools.product(("c", "ct"), ("auto", *LAGS)))),
    "ljung_box": (ljung_box, [(lag,) for lag in LAGS]),
    "acf": (acf, [(None,), *((lag,) for lag in LAGS)]),
    "pacf": (pacf, [(None,), *((lag,) for lag in LAGS)]),
    "seasonal_strength": (seasonal_strength, [(period,) for period in (1, 2, 3, 7)]),
    "stl": (stl, [(period,) for period in (1, 2, 3, 7)]),
    "AR": (fitted, list(itertools.product((None, 0, 1, 2), METHODS))),
}


def short_series(n: int, rng: np.random.Generator) -> list[np.ndarray]:
    noise = rng.normal(size=n)
    line = np.arange(float(n))
    hole = np.where(line == 1, np.nan, noise)
    return [noise, 1e300 * noise, 1e-300 * noise, hole, np.ones(n), line, line % 2, 2.0**line]


@pytest.mark.parametrize("name", CALLS)
def test_no_short_series_gives_a_raw_error_or_a_warning(name, rng):
    call, options = CALLS[name]
    computed, messages = 0, []
    for n in range(21):
        for y, arguments in itertools.product(short_series(n, rng), options):
            try:
                call(y, *arguments)
                computed += 1
            except UserError as error:
                messages.append(str(error))
    assert computed > 100
    assert all(len(message) > 20 for message in messages)


@pytest.mark.parametrize("n", range(4, 21))
def test_dickey_fuller_without_a_trend_needs_only_four_values(n, rng):
    assert np.isfinite(dickey_fuller(rng.normal(size=n), "n").statistic)


def test_the_order_of_three_values_is_0():
    assert AR([1.0, 2.0, 4.0]).fit().order == 0
