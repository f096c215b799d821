import math

import numpy as np
import pytest

from scratchgpt.optim import clip, clip_scale, global_norm


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [0, 1, 1000, 100_000])
def test_norm_is_the_exact_one(dtype, size):
    x = np.random.default_rng(0).standard_normal(size).astype(dtype)
    exact = math.sqrt(math.fsum(float(v) ** 2 for v in x))
    assert global_norm(x) == pytest.approx(exact, rel=1e-14)


def test_squares_of_float32_neither_overflow_nor_vanish():
    assert global_norm(np.full(4, 1e30, np.float32)) == pytest.approx(2e30, rel=1e-6)
    assert global_norm(np.full(4, 1e-30, np.float32)) == pytest.approx(2e-30, rel=1e-6)


def test_norm_covers_every_chunk(monkeypatch):
    monkeypatch.setattr(clip, "CHUNK", 4)
    assert global_norm(np.arange(11.0)) == pytest.approx(math.sqrt(385))


@pytest.mark.parametrize("value", [math.inf, math.nan])
def test_values_that_are_not_finite_show_in_the_norm(value):
    x = np.ones(100_000, np.float32)
    x[77_777] = value
    assert not math.isfinite(global_norm(x))


@pytest.mark.parametrize("max_norm", [0.5, 3.0, 1000.0])
def test_clipping_equals_pytorch(torch, max_norm):
    x = np.random.default_rng(0).standard_normal(50)
    twin = torch.nn.Parameter(torch.zeros(50, dtype=torch.float64))
    twin.grad = torch.tensor(x.copy())
    norm = torch.nn.utils.clip_grad_norm_([twin], max_norm)
    assert global_norm(x) == pytest.approx(float(norm), rel=1e-14)
    np.testing.assert_allclose(
        x * clip_scale(global_norm(x), max_norm), twin.grad.numpy(), rtol=1e-14
    )


def test_a_gradient_of_zeros_is_unchanged():
    assert clip_scale(0.0, 1.0) == 1.0
