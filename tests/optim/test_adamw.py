import tracemalloc

import numpy as np
import pytest

from scratchgpt.optim import AdamW, adamw, clip_scale, global_norm

BETAS, EPS, DECAY = (0.9, 0.97), 1e-6, 0.3


def torch_twin(store, torch):
    """PyTorch's AdamW over copies of the same parameters, with decay only for matrices."""
    twins = {
        name: torch.nn.Parameter(torch.tensor(p.value.copy())) for name, p in store.named.items()
    }
    groups = [
        {"params": [t for t in twins.values() if t.ndim > 1], "weight_decay": DECAY},
        {"params": [t for t in twins.values() if t.ndim == 1], "weight_decay": 0.0},
    ]
    return twins, torch.optim.AdamW(groups, lr=1.0, betas=BETAS, eps=EPS)


@pytest.mark.parametrize("chunk", [4, 16, 65_536])  # the end of decay may be inside a chunk
def test_ten_steps_with_decay_clipping_and_changing_rates_equal_pytorch(
    torch, make_store, monkeypatch, chunk
):
    monkeypatch.setattr(adamw, "CHUNK", chunk)
    store = make_store()
    twins, peer = torch_twin(store, torch)
    optimizer = AdamW(store, betas=BETAS, eps=EPS, weight_decay=DECAY)
    rng = np.random.default_rng(1)
    for step in range(10):
        lr = 0.1 / (step + 1)
        for name, parameter in store.named.items():
            parameter.grad[...] = rng.standard_normal(parameter.shape)
            twins[name].grad = torch.tensor(parameter.grad.copy())
        for group in peer.param_groups:
            group["lr"] = lr
        torch.nn.utils.clip_grad_norm_(twins.values(), 2.0)
        peer.step()
        scale = clip_scale(global_norm(store.grads), 2.0)
        assert scale < 1
        optimizer.step(lr, grad_scale=scale)
    for name, parameter in store.named.items():
        np.testing.assert_allclose(
            parameter.value, twins[name].detach().numpy(), rtol=1e-12, atol=1e-14
        )
    moments = optimizer.named_moments()
    for name, twin in twins.items():
        for moment in ("exp_avg", "exp_avg_sq"):
            expected = peer.state[twin][moment].numpy()
            np.testing.assert_allclose(
                moments[f"{moment}.{name}"], expected, rtol=1e-12, atol=1e-15
            )


def test_only_matrices_decay(make_store):
    store = make_store()
    before = store.values.copy()
    store.zero_grad()
    AdamW(store, weight_decay=0.5).step(0.1)
    n = store.n_decay
    np.testing.assert_allclose(store.values[:n], 0.95 * before[:n], rtol=1e-15)
    np.testing.assert_array_equal(store.values[n:], before[n:])


def test_float32_stays_float32_and_is_near_float64(make_store):
    stores = {dtype: make_store(dtype) for dtype in (np.float32, np.float64)}
    for store in stores.values():
        optimizer = AdamW(store, betas=BETAS, eps=EPS, weight_decay=DECAY)
        for _ in range(5):
            optimizer.step(0.01, grad_scale=0.5)
        assert store.values.dtype == store.dtype
        assert optimizer.exp_avg.dtype == optimizer.exp_avg_sq.dtype == store.dtype
    for name, parameter in stores[np.float32].named.items():
        np.testing.assert_allclose(
            parameter.value, stores[np.float64].named[name].value, rtol=2e-5, atol=2e-6
        )


def test_a_huge_gradient_that_was_clipped_does_not_overflow(make_store):
    store = make_store(np.float32)
    store.grads[...] = 1e30  # its square overflows in float32
    AdamW(store).step(0.1, grad_scale=1e-30)
    assert np.isfinite(store.values).all()


def test_gradients_are_unchanged(make_store):
    store = make_store()
    before = store.grads.copy()
    AdamW(store).step(0.1, grad_scale=0.25)
    np.testing.assert_array_equal(store.grads, before)


def test_gaps_between_parameters_stay_zero(make_store):
    store = make_store(np.float32)
    inside = np.zeros(store.values.shape, bool)
    for view in store.value_views(inside).values():
        view[...] = True
    assert not inside.all()
    for _ in range(3):
        optimizer = AdamW(store)
        optimizer.step(0.1)
    assert not store.values[~inside].any()
    assert not optimizer.exp_avg_sq[~inside].any()


def test_a_step_allocates_nothing_of_the_size_of_the_parameters(make_store):
    store = make_store(np.float32, rows=100_000)
    optimizer = AdamW(store, weight_decay=0.1)
    optimizer.step(0.1)
    tracemalloc.start()
    optimizer.step(0.1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000


def test_moments_are_views_by_parameter(make_store):
    store = make_store()
    optimizer = AdamW(store)
    optimizer.step(0.1)
    moments = optimizer.named_moments()
    assert len(moments) == 2 * len(store.named)
    assert moments["exp_avg.b.weight"].shape == (5, 2)
    assert np.shares_memory(moments["exp_avg.b.weight"], optimizer.exp_avg)
    np.testing.assert_allclose(
        moments["exp_avg_sq.b.bias"], 0.001 * store.named["b.bias"].grad ** 2, rtol=1e-12
    )


def test_complex_parameters_are_refused(make_store):
    with pytest.raises(TypeError, match="complex128"):
        AdamW(make_store(np.complex128))
