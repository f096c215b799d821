"""The kernels of Muon, compared with the reference in float64."""

import numba
import numpy as np
import pytest

from scratchgpt import kernels
from scratchgpt.layers import Parameter, ParameterStore
from scratchgpt.layers.parameters import normal
from scratchgpt.optim import Muon

# One map of more than a chunk, one of less than a row of tiles, and three side by side.
COLUMNS = {"wide": (67, (301,)), "thin": (5, (3,)), "fused": (130, (131, 70, 9))}

each_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def walk(dtype, n_steps=3, seed=0):
    """Return the values and moments after some steps."""
    rng = np.random.default_rng(seed)
    named = {
        name: Parameter((n_in, sum(columns)), normal(1.0), columns=columns)
        for name, (n_in, columns) in COLUMNS.items()
    }
    store = ParameterStore(named, dtype)
    optimizer = Muon(store, weight_decay=0.3)
    for parameter in named.values():
        parameter.value[...] = rng.standard_normal(parameter.shape).astype(np.float32)
    for _ in range(n_steps):
        for parameter in named.values():
            parameter.grad[...] = rng.standard_normal(parameter.shape).astype(np.float32)
        optimizer.step(0.05, grad_scale=0.7)
    return {**{n: p.value for n, p in named.items()}, **optimizer.named_moments()}


@each_dtype
def test_the_steps_follow_the_reference(dtype, assert_close):
    actual = walk(dtype)
    with kernels.disabled():
        expected = walk(np.float64)
    for name, value in actual.items():
        assert value.dtype == dtype
        assert_close(value, expected[name], 1e-5 if dtype == np.float32 else 1e-12, name)


@each_dtype
def test_the_bits_do_not_depend_on_the_threads(dtype, n_threads):
    results = []
    for n in (1, numba.config.NUMBA_NUM_THREADS):
        n_threads(n)
        results.append(walk(dtype))
    for name, value in results[0].items():
        np.testing.assert_array_equal(value, results[1][name], err_msg=name)


@pytest.mark.parametrize("name", ["nesterov", "move"])
def test_both_kernels_are_used(name, monkeypatch):
    def refuse(*arguments, **options):
        raise AssertionError("a kernel was called")

    monkeypatch.setattr(f"scratchgpt.kernels.muon.{name}", refuse)
    with pytest.raises(AssertionError, match="a kernel was called"):
        walk(np.float32, n_steps=1)
    with kernels.disabled():
        walk(np.float32, n_steps=1)
