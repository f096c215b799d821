"""Every operation on arrays of another library, which behaves as CuPy (tests/device)."""

from typing import Any

import numpy as np


def test_the_results_are_the_same_on_a_device(example, case, strict):
    inputs, settings = case.build()
    y, saved = example.forward(*inputs.values(), **settings)
    dy = np.random.default_rng(3).standard_normal(np.shape(y))
    dy = dy if isinstance(y, np.ndarray) else np.float64(dy)
    gradients = example.backward(dy, saved)

    moved, moved_settings = strict.on_device(inputs), strict.on_device(settings)
    other_y, saved = example.forward(*moved.values(), **moved_settings)
    others = example.backward(strict.on_device(dy), saved)
    pairs = (y, gradients), (other_y, others)
    expected, actual = (_flat(pair) for pair in pairs)
    for x, other in zip(expected, actual, strict=True):
        assert isinstance(other, strict.StrictArray), type(other)
        assert other.dtype == x.dtype
        strict.assert_same(other, x)


def test_integers_in_host_memory_cost_at_most_a_copy_each(example, case, strict):
    inputs, settings = case.build()
    settings = {
        name: strict.on_device(x) if "mask" in name or name in ("cos", "sin") else x
        for name, x in settings.items()
    }
    integers = {
        x.ctypes.data: x
        for x in (*inputs.values(), *settings.values())
        if isinstance(x, np.ndarray) and x.dtype.kind in "iu"
    }
    inputs = {
        name: x if isinstance(x, np.ndarray) and x.dtype.kind in "iu" else strict.on_device(x)
        for name, x in inputs.items()
    }
    with strict.counting() as traffic:
        y, saved = example.forward(*inputs.values(), **settings)
        example.backward(_like(y, strict), saved)
    assert traffic.to_device <= len(integers)
    assert traffic.syncs == 0


def _like(y: Any, strict: Any) -> Any:
    return (
        tuple(_like(x, strict) for x in y)
        if isinstance(y, tuple)
        else strict.on_device(np.ones(y.shape, y.dtype))
    )


def _flat(tree: Any) -> list[Any]:
    """Return all arrays in a tree of tuples, without those that are None."""
    if isinstance(tree, tuple):
        return [x for part in tree for x in _flat(part)]
    return [] if tree is None else [tree]
