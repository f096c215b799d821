"""Fixtures of the time series suites."""

import os
from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest


@pytest.fixture(scope="session")
def statsmodels() -> ModuleType:
    """Statsmodels, the independent implementation to compare with.

    Where it is not installed the test is skipped, unless SCRATCHGPT_REQUIRE_PARITY=1 says that
    here it must be: then its absence is a failure, lest a CI that lost it stays green.
    """
    try:
        import statsmodels.api as module
    except ImportError as error:
        if os.environ.get("SCRATCHGPT_REQUIRE_PARITY") == "1":
            pytest.fail(f"SCRATCHGPT_REQUIRE_PARITY=1 but statsmodels does not import: {error}")
        pytest.skip("statsmodels is not installed")
    return module


@pytest.fixture(scope="session")
def pandas(statsmodels: ModuleType) -> ModuleType:
    """What many series come in; statsmodels brings it along, the package never imports it."""
    import pandas as module

    return module


@pytest.fixture(scope="session")
def arma_process() -> Callable[..., np.ndarray]:
    """``arma_process(rng, n, ar=(), ma=())``: n values, by the textbook's recursion."""
    from scipy.signal import lfilter

    def draw(rng, n, ar=(), ma=(), burn=500):
        return lfilter([1.0, *ma], [1.0, *(-np.asarray(ar))], rng.normal(size=n + burn))[burn:]

    return draw
