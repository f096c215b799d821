"""What the mathematics asks of an array library exists in CuPy, under the same names.

CuPy can be imported without a GPU, so this runs wherever it is installed, and is skipped elsewhere.
"""

import importlib
import inspect

import pytest


@pytest.fixture(scope="module")
def cupy():
    return pytest.importorskip("cupy")


def parameters(function) -> set[str]:
    """Names that a function accepts; those of a compiled one are read in its docstring."""
    text = inspect.getdoc(function) or ""
    first = text.partition("\n\n")[0]
    try:
        found = set(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        found = set()
    return found | {word.strip(" *").partition("=")[0] for word in first.split("(")[-1].split(",")}


def test_functions_exist_with_their_parameters(cupy, strict):
    for name, known in strict.FUNCTIONS.items():
        function = getattr(cupy, name)
        _, *rest = known.split()  # the first has another name in some, and is always positional
        assert set(rest) <= parameters(function), f"{name}: {parameters(function)}"


def test_methods_and_attributes_exist(cupy, strict):
    for name in (*strict.METHODS, *strict.ATTRIBUTES, "T", "mT", "real", "imag", "get", "set"):
        assert hasattr(cupy.ndarray, name), name


def test_constructors_exist(cupy, strict):
    for name in ("arange", "asarray", "empty", "full", "ones", "tri", "zeros"):
        assert callable(getattr(cupy, name)), name
        assert callable(getattr(strict, name)), name


def test_ufuncs_exist_under_the_names_of_numpy_and_scipy(cupy, strict):
    special = importlib.import_module("cupyx.scipy.special")
    for name in strict.UFUNCS:
        assert callable(getattr(cupy, name, None) or getattr(special, name)), name
    assert callable(cupy.add.at)
