import math
import tracemalloc

import numpy as np
import pytest

from scratchgpt import kernels
from scratchgpt.layers import Linear, Parameter, ParameterStore
from scratchgpt.layers.parameters import normal
from scratchgpt.memory import Arena
from scratchgpt.optim import Muon, muon, newton_schulz, rate_factor
from scratchgpt.optim.muon import ADJUSTMENTS
from scratchgpt.optim.orthogonalize import COEFFICIENTS
from scratchgpt.precision import products_in

SHAPES = [(13, 29), (29, 13), (17, 17), (1, 6), (6, 1), (150, 301), (301, 150)]
each_adjustment = pytest.mark.parametrize("adjust_lr", ADJUSTMENTS)


@pytest.fixture(params=["kernels", "reference"])
def how(request):
    """Run a test with kernels, if there are any, and with the reference."""
    if request.param == "reference":
        with kernels.disabled():
            yield
    else:
        yield


@pytest.fixture
def make_maps():
    """Create stores of a wide, a tall and a fused matrix, with random values and gradients."""

    def make(dtype=np.float64, scale=1):
        named = {
            "wide": Parameter((5 * scale, 11 * scale), normal(1.0), columns=(11 * scale,)),
            "tall": Parameter((13 * scale, 3 * scale), normal(1.0), columns=(3 * scale,)),
            "fused": Parameter(
                (7 * scale, 18 * scale), normal(1.0), columns=(8 * scale, 4 * scale, 6 * scale)
            ),
            "table": Parameter((9, 2), normal(1.0)),
            "bias": Parameter((4,), normal(1.0)),
        }
        store = ParameterStore(named, dtype)
        rng = np.random.default_rng(0)
        for parameter in named.values():
            parameter.value[...] = rng.standard_normal(parameter.shape)
            parameter.grad[...] = rng.standard_normal(parameter.shape)
        return store

    return make


def matrices(store):
    """Return the matrices (out, in) of all linear maps: views of values and gradients."""
    found = {}
    for name, parameter in store.named.items():
        ends = np.cumsum(parameter.columns)
        for i, (width, end) in enumerate(zip(parameter.columns, ends, strict=True)):
            part = slice(end - width, end)
            found[f"{name}.{i}"] = (parameter.value[:, part].T, parameter.grad[:, part].T)
    return found


def torchs_iteration(grad):
    """PyTorch's ``_zeropower_via_newtonschulz``, without its cast to bfloat16."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = grad.T if grad.shape[0] > grad.shape[1] else grad
    x = x / max(np.linalg.norm(x), 1e-7)
    for _ in range(5):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if grad.shape[0] > grad.shape[1] else x


def torchs_step(value, grad, buffer, *, lr, momentum, nesterov, decay, adjust_lr):
    """PyTorch's ``_single_tensor_muon`` for a matrix (out, in), with that iteration."""
    buffer += (1 - momentum) * (grad - buffer)
    update = grad + momentum * (buffer - grad) if nesterov else buffer
    update = torchs_iteration(update)
    n_out, n_in = value.shape
    if adjust_lr == "original":
        rate = lr * math.sqrt(max(1, n_out / n_in))
    else:
        rate = lr * 0.2 * math.sqrt(max(n_out, n_in))
    value *= 1 - lr * decay
    value -= rate * update


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_newton_schulz_is_that_of_pytorch_without_its_cast(shape, rng, how, assert_close):
    x = rng.standard_normal(shape)
    assert_close(newton_schulz(x), torchs_iteration(x), 1e-12)
    assert_close(newton_schulz(x.T), newton_schulz(x).T, 1e-12)


@pytest.mark.parametrize("n_iterations", [0, 1, 2, 5])
def test_newton_schulz_applies_its_polynomial_to_each_singular_value(n_iterations, rng, how):
    x = rng.standard_normal((6, 10))
    u, sizes, v = np.linalg.svd(x, full_matrices=False)
    a, b, c = COEFFICIENTS
    sizes /= np.linalg.norm(sizes)
    for _ in range(n_iterations):
        sizes = a * sizes + b * sizes**3 + c * sizes**5
    y = newton_schulz(x, n_iterations=n_iterations)
    np.testing.assert_allclose(y, u * sizes @ v, rtol=1e-12, atol=1e-13)


def test_no_singular_value_above_a_hundredth_of_the_norm_ends_outside_the_stated_range(how):
    ends = [np.diag(newton_schulz(np.diag([1.0, x]))) for x in np.geomspace(0.0101, 1, 500)]
    assert 0.68 < np.min(ends) < 0.69
    assert 1.13 < np.max(ends) < 1.14


def test_singular_values_end_near_1_for_any_scale(rng, how):
    for scale in (1e-6, 1.0, 1e6):
        x = rng.standard_normal((12, 40)) * scale
        sizes = np.linalg.svd(newton_schulz(x), compute_uv=False)
        assert 0.65 < sizes.min() < sizes.max() < 1.2


def test_a_gradient_of_zeros_gives_zeros_and_a_tiny_one_stays_small(how):
    assert not newton_schulz(np.zeros((3, 5))).any()
    assert np.abs(newton_schulz(np.full((3, 5), 1e-12))).max() < 0.01


@pytest.mark.parametrize("shape", [(40, 130), (130, 40)], ids=str)
def test_float32_stays_float32_and_is_near_float64(shape, rng, how, assert_close):
    x = rng.standard_normal(shape).astype(np.float32)
    y = newton_schulz(x)
    assert y.dtype == np.float32
    assert_close(y, newton_schulz(x.astype(np.float64)), 2e-5)


def test_inputs_are_unchanged_and_need_not_be_contiguous(rng, how):
    x = rng.standard_normal((30, 24))
    before, part = x.copy(), x[3:, 4:20:2]
    np.testing.assert_allclose(newton_schulz(part), newton_schulz(part.copy()), rtol=1e-13)
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(value, how):
    x = np.ones((3, 4), np.float32)
    x[1, 2] = value
    with pytest.raises(ValueError, match=r"newton_schulz: the norm of x is .* NaN or infinite"):
        newton_schulz(x)


def test_complex_values_and_vectors_are_refused(make_maps):
    with pytest.raises(TypeError, match="x is complex128; use float32 or float64"):
        newton_schulz(np.ones((3, 4), complex))
    with pytest.raises(ValueError, match=r"x is \(4,\); use a matrix"):
        newton_schulz(np.ones(4))
    with pytest.raises(TypeError, match="complex128"):
        Muon(make_maps(np.complex128))


def test_a_gradient_that_is_not_finite_is_an_error_and_changes_no_value(make_maps, how):
    store = make_maps()
    store.named["fused"].grad[2, 9] = np.nan
    before = store.named["fused"].value.copy()
    with pytest.raises(ValueError, match=r"is nan; (it|x) has NaN or infinite values"):
        Muon(store).step(0.1)
    np.testing.assert_array_equal(store.named["fused"].value[:, 8:12], before[:, 8:12])


@each_adjustment
@pytest.mark.parametrize("nesterov", [True, False])
def test_ten_steps_are_pytorchs_without_its_cast(make_maps, adjust_lr, nesterov, how, assert_close):
    store, expected = make_maps(), make_maps()
    settings = {"momentum": 0.9, "nesterov": nesterov, "adjust_lr": adjust_lr}
    optimizer = Muon(store, weight_decay=0.3, **settings)
    pairs = matrices(expected)
    buffers = {name: np.zeros(value.shape) for name, (value, _) in pairs.items()}
    rng = np.random.default_rng(1)
    for step in range(10):
        lr, scale = 0.1 / (step + 1), 0.5 + 0.1 * step
        store.grads[...] = expected.grads[...] = rng.standard_normal(store.grads.size)
        optimizer.step(lr, grad_scale=scale)
        for name, (value, grad) in pairs.items():
            torchs_step(value, scale * grad, buffers[name], lr=lr, decay=0.3, **settings)
    for name, (value, _) in matrices(store).items():
        assert_close(value, pairs[name][0], 1e-12)
    for name in ("table", "bias"):
        np.testing.assert_array_equal(store.named[name].value, expected.named[name].value)


@each_adjustment
@pytest.mark.parametrize("shape", [(96, 40), (40, 96), (48, 48)], ids=str)
def test_a_step_is_near_torchs_muon_which_multiplies_in_bfloat16(torch, rng, shape, adjust_lr):
    n_in, n_out = shape
    layer = Linear(n_in, n_out, bias=False).initialize(0)
    weight, grad = layer.weight, rng.standard_normal(shape).astype(np.float32)
    before = weight.value.copy()
    twin = torch.nn.Parameter(torch.tensor(before.T.copy()))
    peer = torch.optim.Muon([twin], lr=0.1, weight_decay=0.2, adjust_lr_fn=adjust_lr)
    optimizer = Muon(layer.store, weight_decay=0.2, adjust_lr=adjust_lr)
    for _ in range(2):
        weight.grad[...] = grad
        twin.grad = torch.tensor(grad.T.copy())
        peer.step()
        optimizer.step(0.1)
    moved, expected = weight.value - before, twin.detach().numpy().T - before
    assert np.linalg.norm(moved - expected) < 2e-2 * np.linalg.norm(expected)
    buffer = peer.state[twin]["momentum_buffer"].numpy().T
    np.testing.assert_allclose(
        optimizer.named_moments()["momentum_buffer.weight"], buffer, rtol=1e-5, atol=1e-7
    )


def test_fused_matrices_are_orthogonalized_one_by_one(make_maps):
    store = make_maps()
    before = store.named["fused"].value.copy()
    Muon(store, weight_decay=0).step(1.0)
    moved = before - store.named["fused"].value
    for part in (slice(0, 8), slice(8, 12), slice(12, 18)):
        sizes = np.linalg.svd(moved[:, part], compute_uv=False)
        factor = rate_factor((7, part.stop - part.start), "original")
        assert 0.3 < sizes.min() / factor < sizes.max() / factor < 1.2
    assert np.linalg.svd(moved, compute_uv=False).max() > 1.3  # together they are not


def test_rates_depend_on_the_shape_as_published():
    assert rate_factor((4, 16), "original") == 2  # (in, out): wide for us
    assert rate_factor((16, 4), "original") == 1
    assert rate_factor((16, 100), "match_rms_adamw") == pytest.approx(2)
    assert rate_factor((100, 16), "match_rms_adamw") == pytest.approx(2)
    with pytest.raises(ValueError, match="adjust_lr='spectral' is not one of original"):
        rate_factor((2, 3), "spectral")


def test_parameters_that_are_not_linear_maps_inside_are_refused(make_maps):
    store = make_maps()
    [shard] = muon.shards(store, 1, ["table"])
    with pytest.raises(ValueError, match="Muon does not update table"):
        Muon(store, shard=shard)


def test_gradients_are_unchanged_and_gaps_stay_zero(make_maps, how):
    store = make_maps(np.float32)
    before = store.grads.copy()
    inside = np.zeros(store.values.shape, bool)
    for view in store.value_views(inside).values():
        view[...] = True
    optimizer = Muon(store)
    for _ in range(2):
        optimizer.step(0.1, grad_scale=0.25)
    np.testing.assert_array_equal(store.grads, before)
    assert not inside.all()
    assert not store.values[~inside].any()


def test_the_products_stay_in_float32_where_those_of_the_model_are_rounded(make_maps):
    store, other = make_maps(np.float32), make_maps(np.float32)
    Muon(store).step(0.1)
    with products_in("bf16"):
        Muon(other).step(0.1)
    np.testing.assert_array_equal(store.values, other.values)


def test_a_step_in_an_arena_allocates_nothing(make_maps, how):
    store = make_maps(np.float32, scale=80)
    optimizer, arena = Muon(store), Arena()
    for _ in range(2):
        with arena:
            optimizer.step(0.1)
    tracemalloc.start()
    with arena:
        optimizer.step(0.1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 150_000  # buffers of NumPy; the smallest matrix of a step has 230,400 bytes


def test_there_is_one_moment_of_each_linear_map(make_maps):
    store = make_maps()
    optimizer = Muon(store)
    optimizer.step(0.1)
    moments = optimizer.named_moments()
    assert list(moments) == [f"momentum_buffer.{name}" for name in ("wide", "tall", "fused")]
    assert np.shares_memory(moments["momentum_buffer.tall"], optimizer.momentum_buffer)
    expected = 0.05 * store.named["fused"].grad
    np.testing.assert_allclose(moments["momentum_buffer.fused"], expected, rtol=1e-12)
    assert optimizer.momentum_buffer.size < 0.9 * store.grads.size
