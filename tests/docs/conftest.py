"""The documentation pages, and the module that runs their code."""

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
    """The module ``docs/_ext/execution.py``, which the build of the pages uses too."""
    spec = importlib.util.spec_from_file_location("execution", DOCS / "_ext" / "execution.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
