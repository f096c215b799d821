"""What the mathematics asks of an array library exists in CuPy, under the same names.

CuPy can be imported without a GPU, so this runs wherever it is installed, and is skipped elsewhere.
"""

import importlib
import inspect

import numpy as np
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


def borrowed(cupy, shape, dtype=np.float32):
    """A CuPy array over host memory, which needs no GPU, and which no function can compute with."""
    memory = np.empty(shape, dtype)
    owned = cupy.cuda.UnownedMemory(memory.ctypes.data, memory.nbytes, memory, 0)
    return cupy.ndarray(shape, dtype, memptr=cupy.cuda.MemoryPointer(owned, 0))


def test_calls_of_numpy_and_scipy_reach_cupy(cupy):
    """Without a GPU, each of them ends at the driver, and not at a missing function."""
    try:
        without = cupy.cuda.runtime.getDeviceCount() == 0
    except Exception:
        without = True
    if not without:
        pytest.skip("a GPU would read the memory of the host")
    from scipy.special import erf

    x, rows, mask = (borrowed(cupy, (4, 6), kind) for kind in (np.float32, np.int64, bool))
    calls = [
        lambda: erf(x, out=x),
        lambda: np.exp(x, out=x),
        lambda: np.add.at(x, rows[:, 0], x),
        lambda: np.copyto(x, -np.inf, where=mask),
        lambda: np.where(mask, x, np.float32(0)),
        lambda: np.mean(x, axis=-1, keepdims=True),
        lambda: np.einsum("...c,...c->...", x, x),
        lambda: np.cumsum(rows[0], out=rows[0]),
        lambda: np.take_along_axis(x, rows[:, :1], axis=-1),
        lambda: np.empty(3, np.float32, like=x),
        lambda: np.isneginf(x),
        lambda: x.take(rows[:, 0], axis=0, out=x),
        lambda: x.__setitem__(mask, 0),
    ]
    for call in calls:
        with pytest.raises(RuntimeError, match="cudaError"):
            call()
    with pytest.raises(TypeError, match="Implicit conversion"):
        np.asarray(x)
    with pytest.raises(ValueError, match="cannot be used"):
        x[...] = np.ones((4, 6), np.float32)
