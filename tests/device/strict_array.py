"""An array type that behaves as CuPy's does, but computes with NumPy: a GPU for tests without one.

As in CuPy, an array of this type is never converted to a NumPy array without a call that says so,
functions refuse arguments of both kinds, reductions return arrays without axes, and the functions
and their parameters are those of CuPy (:data:`FUNCTIONS`). Where CuPy copies silently (an index in
a NumPy array), this type raises TypeError. Explicit copies, and everything that waits for the
device, are counted in :data:`traffic`.

The module is the array library of its arrays: ``array_module(x).zeros(3)``.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np

# Functions of NumPy that CuPy implements under the same name, with the parameters that it accepts.
# tests/device/test_cupy_names.py compares this table with CuPy if that is installed.
FUNCTIONS = {
    "argwhere": "a",
    "broadcast_to": "array shape",
    "concatenate": "arrays axis out",
    "copyto": "dst src casting where",
    "count_nonzero": "a axis",
    "cumsum": "a axis dtype out",
    "einsum": "operands dtype",
    "empty": "shape dtype order",
    "isneginf": "x out",
    "mean": "a axis dtype out keepdims",
    "nonzero": "a",
    "ones_like": "a dtype",
    "repeat": "a repeats axis",
    "sum": "a axis dtype out keepdims",
    "take": "a indices axis out",
    "take_along_axis": "arr indices axis",
    "where": "condition x y",
    "zeros_like": "a dtype",
}
METHODS = {
    "all": "axis out keepdims",
    "any": "axis out keepdims",
    "argmax": "axis dtype out keepdims",
    "astype": "dtype order casting subok copy",
    "copy": "order",
    "fill": "value",
    "max": "axis out keepdims",
    "mean": "axis dtype out keepdims",
    "min": "axis out keepdims",
    "ravel": "order",
    "reshape": "order",
    "sum": "axis dtype out keepdims",
    "swapaxes": "axis1 axis2",
    "take": "indices axis out",
    "transpose": "",
    "view": "dtype",
}
UFUNCS = {
    *("add", "subtract", "multiply", "divide", "negative", "maximum", "minimum", "matmul"),
    *("exp", "log", "sqrt", "tanh", "erf", "isfinite", "cos", "sin"),
    *("equal", "not_equal", "less", "less_equal", "greater", "greater_equal"),
    *("bitwise_and", "bitwise_or", "bitwise_xor", "invert", "right_shift"),
}
ATTRIBUTES = ("dtype", "shape", "ndim", "size", "strides", "itemsize", "nbytes", "flags")
# A ufunc of NumPy or SciPy reaches the one of CuPy by its name.
UFUNC_METHODS = ("__call__", "outer", "at", "reduce", "accumulate", "reduceat")
UFUNC_PARAMETERS = {"out", "dtype", "casting", "axis", "keepdims"}
SHAPE_IS_DATA = {"argwhere", "nonzero"}  # the shape of the result is known on the device only


@dataclass
class Traffic:
    """Copies between host and device, and values that Python has read from the device.

    Attributes
    ----------
    to_device, to_host : int
        Explicit copies of arrays.
    reads : int
        Conversions to Python numbers, and results whose shape depends on values.
    """

    to_device: int = 0
    to_host: int = 0
    reads: int = 0

    @property
    def syncs(self) -> int:
        """How often Python waited for the device."""
        return self.to_host + self.reads


traffic = Traffic()


@contextmanager
def counting() -> Iterator[Traffic]:
    """Count the traffic of a block."""
    before, counted = replace(traffic), Traffic()
    yield counted
    for name in vars(traffic):
        setattr(counted, name, getattr(traffic, name) - getattr(before, name))


class StrictArray(np.lib.mixins.NDArrayOperatorsMixin):
    """An array on an imaginary device."""

    def __init__(self, array: Any) -> None:
        self._array = np.asarray(array)

    def __array_namespace__(self) -> Any:
        return sys.modules[__name__]

    # A property, because NumPy would also take an array interface if there were one.
    real = property(lambda self: StrictArray(self._array.real))
    imag = property(lambda self: StrictArray(self._array.imag))
    T = property(lambda self: StrictArray(self._array.T))
    mT = property(lambda self: StrictArray(self._array.mT))

    def __getattr__(self, name: str) -> Any:
        if name in ATTRIBUTES:
            return getattr(self._array, name)
        if name not in METHODS:
            raise AttributeError(f"CuPy's arrays have no {name}, or it has not been checked yet")

        def method(*args: Any, **kwargs: Any) -> Any:
            check_parameters(name, METHODS[name], kwargs)
            return on_device(getattr(self._array, name)(*unwrap(args), **unwrap(kwargs)))

        return method

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise TypeError("implicit conversion to a NumPy array")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        assert method in UFUNC_METHODS, method
        check_parameters(ufunc.__name__, " ".join(UFUNC_PARAMETERS), kwargs)
        if ufunc.__name__ not in UFUNCS:
            raise TypeError(f"CuPy has no {ufunc.__name__}, or it has not been checked yet")
        return on_device(getattr(ufunc, method)(*unwrap(inputs), **unwrap(kwargs)))

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        name = function.__name__
        if name not in FUNCTIONS or getattr(np, name, None) is not function:
            raise TypeError(f"CuPy does not implement {name}, or it has not been checked yet")
        check_parameters(name, FUNCTIONS[name], kwargs)
        traffic.reads += name in SHAPE_IS_DATA
        return on_device(function(*unwrap(args), **unwrap(kwargs)))

    def __getitem__(self, index: Any) -> "StrictArray":
        traffic.reads += any(is_mask(i) for i in as_tuple(index))
        return StrictArray(self._array[unwrap(index)])

    def __setitem__(self, index: Any, value: Any) -> None:
        self._array[unwrap(index)] = unwrap(value)

    def __len__(self) -> int:
        return len(self._array)

    def __iter__(self) -> Iterator["StrictArray"]:
        return (self[i] for i in range(len(self)))

    def get(self) -> np.ndarray:
        """Copy to the host."""
        traffic.to_host += 1
        return self._array.copy()

    def set(self, array: np.ndarray) -> None:
        """Copy from the host."""
        assert (array.dtype, array.shape) == (self.dtype, self.shape)
        assert self.flags.c_contiguous, "CuPy cannot set an array that is not contiguous"
        traffic.to_device += 1
        self._array[...] = array

    def _read(self, convert: Callable[[Any], Any]) -> Any:
        traffic.reads += 1
        return convert(self._array)

    def __bool__(self) -> bool:
        return self._read(bool)

    def __int__(self) -> int:
        return self._read(int)

    def __index__(self) -> int:
        return self._read(lambda x: x.__index__())

    def __float__(self) -> float:
        return self._read(float)

    def __complex__(self) -> complex:
        return self._read(complex)

    def __repr__(self) -> str:
        return f"StrictArray({self._array!r})"

    def item(self) -> Any:
        return self._read(np.ndarray.item)

    def tolist(self) -> Any:
        return self._read(np.ndarray.tolist)


def as_tuple(index: Any) -> tuple[Any, ...]:
    return index if isinstance(index, tuple) else (index,)


def is_mask(index: Any) -> bool:
    return isinstance(index, StrictArray) and index.dtype == bool


def check_parameters(name: str, known: str, given: Any) -> None:
    if unknown := set(given) - set(known.split()):
        raise TypeError(f"CuPy's {name} has no parameter {', '.join(sorted(unknown))}")


def unwrap(tree: Any) -> Any:
    """Return the NumPy arrays in a tree of arguments; refuse those that were not on the device."""
    if isinstance(tree, np.ndarray):
        raise TypeError("implicit conversion of a NumPy array")
    if isinstance(tree, dict):
        return {name: unwrap(value) for name, value in tree.items()}
    if isinstance(tree, list | tuple):
        return type(tree)(map(unwrap, tree))
    return tree._array if isinstance(tree, StrictArray) else tree


def assert_same(actual: Any, expected: Any) -> None:
    """Compare bit for bit: both were computed by NumPy."""
    np.testing.assert_array_equal(unwrap(actual), expected)


def on_device(tree: Any) -> Any:
    """Wrap all NumPy arrays and scalars in a tree of results: a scalar is an array without axes."""
    if isinstance(tree, dict):
        return {name: on_device(value) for name, value in tree.items()}
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*map(on_device, tree))
    if isinstance(tree, list | tuple):
        return type(tree)(map(on_device, tree))
    return StrictArray(tree) if isinstance(tree, np.ndarray | np.generic) else tree


def asarray(x: Any, dtype: Any = None) -> StrictArray:
    """Copy an array to the device; an array on the device is returned as it is."""
    if isinstance(x, StrictArray):
        return x if dtype is None or x.dtype == dtype else StrictArray(x._array.astype(dtype))
    traffic.to_device += 1
    return StrictArray(np.array(x, dtype))


def _constructor(name: str) -> Callable[..., StrictArray]:
    def construct(*args: Any, **kwargs: Any) -> StrictArray:
        return StrictArray(getattr(np, name)(*unwrap(args), **unwrap(kwargs)))

    return construct


# What is needed to open a device, so that the module can stand in for ``cupy``.
exp = np.exp
cuda = SimpleNamespace(
    runtime=SimpleNamespace(getDeviceCount=lambda: 1),
    Device=lambda index=0: SimpleNamespace(use=lambda: None, synchronize=lambda: None),
)
arange, empty, full, ones, tri, zeros = map(
    _constructor, ("arange", "empty", "full", "ones", "tri", "zeros")
)
