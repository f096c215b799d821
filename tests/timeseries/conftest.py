"""Fixtures for the time series tests."""

import os
from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest


@pytest.fixture(scope="session")
def statsmodels() -> ModuleType:
    """Statsmodels, the independent implementation to compare with.

    If statsmodels is not installed, the test is skipped. With SCRATCHGPT_REQUIRE_PARITY=1 the test
    fails instead, so that CI cannot silently lose the comparison.
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
    """Pandas, which statsmodels installs and the package itself never imports."""
    import pandas as module

    return module


@pytest.fixture(scope="session")
def arma_process() -> Callable[..., np.ndarray]:
    """``arma_process(rng, n, ar=(), ma=())`` simulates n values by the textbook recursion."""
    from scipy.signal import lfilter

    def draw(rng, n, ar=(), ma=(), burn=500):
        return lfilter([1.0, *ma], [1.0, *(-np.asarray(ar))], rng.normal(size=n + burn))[burn:]

    return draw
