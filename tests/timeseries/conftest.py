"""Peers of the time series: skipped where they are not installed, unless they must be."""

import importlib
import os
from types import ModuleType

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
