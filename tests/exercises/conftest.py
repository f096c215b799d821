"""The folder of the pages."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def docs() -> Path:
    return Path(__file__).parents[2] / "docs"
