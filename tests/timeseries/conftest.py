"""Fixtures of the time series suites."""

import os
from types import ModuleType

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
