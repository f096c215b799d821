"""The interface of strict_array.py over CuPy itself: the same tests, on a GPU.

``SCRATCHGPT_DEVICE_TESTS=cuda`` chooses it; benchmarks/gpu.py runs the tests so. A GPU sums in
another order, so results are compared with a tolerance, and traffic is not counted.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import cupy
import numpy as np
from cupy import arange, asarray, empty, full, ones, tri, zeros

__all__ = ["arange", "asarray", "empty", "full", "ones", "tri", "zeros"]

StrictArray = cupy.ndarray
ROUNDING = {np.dtype(np.float32): 1e-3, np.dtype(np.float64): 1e-10}


class Traffic:
    """Traffic that equals every other, and never waits."""

    to_device = to_host = reads = syncs = 0

    def __init__(self, **counts: int) -> None:
        pass

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Traffic)

    __hash__ = None  # type: ignore[assignment]


@contextmanager
def counting() -> Iterator[Traffic]:
    yield Traffic()


def on_device(tree: Any) -> Any:
    """Copy all arrays in a tree to the GPU."""
    if isinstance(tree, dict):
        return {name: on_device(value) for name, value in tree.items()}
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*map(on_device, tree))
    if isinstance(tree, list | tuple):
        return type(tree)(map(on_device, tree))
    return asarray(tree) if isinstance(tree, np.ndarray | np.generic) else tree


def unwrap(x: Any) -> np.ndarray:
    return x.get()


def assert_same(actual: Any, expected: Any) -> None:
    """Compare with a tolerance, relative to the largest element."""
    actual, expected = np.asarray(unwrap(actual)), np.asarray(expected)
    assert actual.dtype == expected.dtype
    assert actual.shape == expected.shape
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(np.isfinite(actual), finite)
    if expected.dtype.kind != "f" or not finite.any():
        np.testing.assert_array_equal(actual, expected)
        return
    scale = max(np.abs(expected[finite]).max(), 1e-3)
    assert np.abs(actual[finite] - expected[finite]).max() <= ROUNDING[expected.dtype] * scale
