"""The kernels of Muon, compared with the reference in float64."""

import numba
import numpy as np
import pytest

from scratchgpt import kernels
from scratchgpt.kernels import muon
from scratchgpt.layers import Parameter, ParameterStore
from scratchgpt.layers.parameters import normal
from scratchgpt.optim import Muon

# A wide and a tall map of several blocks, one of less than a row of tiles, three side by side.
COLUMNS = {
    "wide": (67, (301,)),
    "tall": (530, (40,)),
    "thin": (5, (3,)),
    "fused": (130, (131, 70, 9)),
}

each_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def walk(dtype, n_steps=3, seed=0, **settings):
    """Return the values and moments after some steps."""
    rng = np.random.default_rng(seed)
    named = {
        name: Parameter((n_in, sum(columns)), normal(1.0), columns=columns)
        for name, (n_in, columns) in COLUMNS.items()
    }
    store = ParameterStore(named, dtype)
    optimizer = Muon(store, weight_decay=0.3, **settings)
    for parameter in named.values():
        parameter.value[...] = rng.standard_normal(parameter.shape).astype(np.float32)
    for _ in range(n_steps):
        for parameter in named.values():
            parameter.grad[...] = rng.standard_normal(parameter.shape).astype(np.float32)
        optimizer.step(0.05, grad_scale=0.7)
    return {**{n: p.value for n, p in named.items()}, **optimizer.named_moments()}


@each_dtype
@pytest.mark.parametrize("nesterov", [True, False])
def test_the_steps_follow_the_reference(dtype, nesterov, assert_close):
    actual = walk(dtype, nesterov=nesterov, adjust_lr="match_rms_adamw")
    with kernels.disabled():
        expected = walk(np.float64, nesterov=nesterov, adjust_lr="match_rms_adamw")
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


def test_the_kernel_is_used(monkeypatch):
    def refuse(*arguments, **options):
        raise AssertionError("the kernel was called")

    monkeypatch.setattr("scratchgpt.kernels.muon.step", refuse)
    with pytest.raises(AssertionError, match="the kernel was called"):
        walk(np.float32, n_steps=1)
    with kernels.disabled():
        walk(np.float32, n_steps=1)


@pytest.mark.parametrize(("n", "longest"), [(1, 183), (2, 92), (3, 90), (6, 90)])
def test_matrices_are_divided_by_their_costs(n, longest):
    costs = np.array([5, 90, 1, 40, 45, 2])
    shares = muon._divided(costs, n)
    assert set(shares) == set(range(n))
    assert np.bincount(shares, costs).max() == longest
