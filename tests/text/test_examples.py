"""The examples in the docstrings of the package are run."""

import doctest
import importlib
from pathlib import Path

import pytest

import scratchgpt.text

FOLDER = Path(scratchgpt.text.__file__).parent
MODULES = sorted(
    ".".join(path.relative_to(FOLDER).with_suffix("").parts) for path in FOLDER.rglob("[!_]*.py")
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_show_what_comes_out(name):
    module = importlib.import_module(f"scratchgpt.text.{name}")
    assert doctest.testmod(module).failed == 0
