"""Peers of the time series: skipped where they are not installed, unless they must be."""

import importlib
import os
from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest


def peer(name: str) -> ModuleType:
    """A module, or a skipped test; with SCRATCHGPT_REQUIRE_PARITY=1 a failed one."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        if os.environ.get("SCRATCHGPT_REQUIRE_PARITY") == "1":
            pytest.fail(f"SCRATCHGPT_REQUIRE_PARITY=1 but {name} does not import: {error}")
        pytest.skip(f"{name} is not installed")


@pytest.fixture(scope="session")
def statsmodels() -> ModuleType:
    """The independent implementation that fits are compared with."""
    peer("statsmodels.tsa.arima.model")
    peer("statsmodels.datasets")
    return peer("statsmodels")


@pytest.fixture(scope="session")
def pandas() -> ModuleType:
    """What many series come in; never imported by the package itself."""
    return peer("pandas")


@pytest.fixture(scope="session")
def arma_process() -> Callable[..., np.ndarray]:
    """``arma_process(rng, n, ar=(), ma=())``: n values, by the textbook's recursion."""
    from scipy.signal import lfilter

    def draw(rng, n, ar=(), ma=(), burn=500):
        return lfilter([1.0, *ma], [1.0, *(-np.asarray(ar))], rng.normal(size=n + burn))[burn:]

    return draw
