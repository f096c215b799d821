"""Run the examples in the docstrings of the package."""

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
def test_docstring_examples_are_correct(name):
    module = importlib.import_module(f"scratchgpt.text.{name}")
    assert doctest.testmod(module).failed == 0
