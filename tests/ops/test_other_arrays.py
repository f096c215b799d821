"""Every operation on arrays of another library, which implements only NumPy's protocols."""

from typing import Any

import numpy as np

ATTRIBUTES = ("dtype", "shape", "ndim", "size", "strides", "itemsize", "flags")
METHODS = ("all", "any", "astype", "copy", "max", "mean", "min", "reshape", "sum", "tolist", "view")


class Strict(np.lib.mixins.NDArrayOperatorsMixin):
    """An array that is not a NumPy array, and refuses to be converted to one."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    real = property(lambda self: Strict(self.array.real))
    T = property(lambda self: Strict(self.array.T))
    mT = property(lambda self: Strict(self.array.mT))

    def __getattr__(self, name: str) -> Any:
        if name in ATTRIBUTES:
            return getattr(self.array, name)
        if name in METHODS:
            method = getattr(self.array, name)
            return lambda *args, **kwargs: wrap(method(*unwrap(args), **unwrap(kwargs)))
        raise AttributeError(name)

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        raise TypeError("implicit conversion to a NumPy array")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return wrap(getattr(ufunc, method)(*unwrap(inputs), **unwrap(kwargs)))

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return wrap(function(*unwrap(args), **unwrap(kwargs)))

    def __getitem__(self, index: Any) -> "Strict":
        return Strict(self.array[unwrap(index)])

    def __setitem__(self, index: Any, value: Any) -> None:
        assert not isinstance(value, np.ndarray), "implicit conversion of a NumPy array"
        self.array[unwrap(index)] = unwrap(value)

    def __len__(self) -> int:
        return len(self.array)

    def __int__(self) -> int:
        return int(self.array)

    def __bool__(self) -> bool:
        return bool(self.array)


def unwrap(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {name: unwrap(value) for name, value in tree.items()}
    if isinstance(tree, list | tuple):
        return type(tree)(map(unwrap, tree))
    return tree.array if isinstance(tree, Strict) else tree


def wrap(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {name: wrap(value) for name, value in tree.items()}
    if isinstance(tree, tuple):
        return tuple(map(wrap, tree))
    return Strict(tree) if isinstance(tree, np.ndarray | np.generic) else tree


def test_the_results_are_arrays_of_that_library(example, case, assert_close):
    inputs, settings = case.build()
    y, saved = example.forward(*inputs.values(), **settings)
    dy = np.random.default_rng(3).standard_normal(np.shape(y))
    dy = dy if isinstance(y, np.ndarray) else np.float64(dy)
    gradients = example.backward(dy, saved)

    other_y, saved = example.forward(*wrap(inputs).values(), **wrap(settings))
    others = example.backward(wrap(dy), saved)
    pairs = (y, gradients), (other_y, others)
    expected, actual = (_flat(pair) for pair in pairs)
    for x, strict in zip(expected, actual, strict=True):
        assert isinstance(strict, Strict), type(strict)
        assert_close(strict.array, x, 1e-14)


def _flat(tree: Any) -> list[Any]:
    """Return all arrays in a tree of tuples, without those that are None."""
    if isinstance(tree, tuple):
        return [x for part in tree for x in _flat(part)]
    return [] if tree is None else [tree]
