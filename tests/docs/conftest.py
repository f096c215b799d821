"""The pages, and the code that runs what stands in them."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="session")
def docs() -> Path:
    return DOCS


@pytest.fixture(scope="session")
def execution() -> ModuleType:
    """``docs/_ext/execution.py``, which the build uses too."""
    spec = importlib.util.spec_from_file_location("execution", DOCS / "_ext" / "execution.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
