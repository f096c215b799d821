"""The elementwise and row-wise kernels, compared with the reference in float64."""

import numpy as np
import pytest

from scratchgpt import kernels, ops
from scratchgpt.backend import use_kernels
from scratchgpt.layers.parameters import Parameter, ParameterStore, normal
from scratchgpt.optim import AdamW, global_norm

numba = pytest.importorskip("numba")

# Fewer than a chunk, more than one, and odd numbers of everything.
SHAPES = [(3, 5), (2, 33, 7), (129, 130), (70, 1, 257)]


def draw(rng, *shape):
    return rng.standard_normal(shape).astype(np.float32)


def both(forward, backward, x, *parameters, dtype, rng, **options):
    """Return output and all gradients of the kernel in a dtype and the reference in float64."""

    def run(dtype, dy=None):
        y, saved = forward(x.astype(dtype), *(p.astype(dtype) for p in parameters), **options)
        dy = draw(rng, *np.shape(y)) if dy is None else dy
        gradients = backward(dy.astype(dtype) if np.ndim(y) else 1.7, saved)
        gradients = gradients if isinstance(gradients, tuple) else (gradients,)
        return dy, (y, *(g for g in gradients if g is not None))

    dy, actual = run(dtype)
    with kernels.disabled():
        _, expected = run(np.float64, dy)
    for a in actual:
        assert a.dtype == dtype
    return zip(actual, expected, strict=True)


def tolerance(dtype, single):
    return single if dtype == np.float32 else 1e-13


each_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)
each_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@each_dtype
@each_shape
@pytest.mark.parametrize("approximate", ["none", "tanh"])
def test_gelu(shape, approximate, dtype, rng, assert_close):
    x = 3 * draw(rng, *shape)
    pair = (ops.gelu_forward, ops.gelu_backward)
    for actual, expected in both(*pair, x, approximate=approximate, dtype=dtype, rng=rng):
        assert_close(actual, expected, tolerance(dtype, 2e-6))


@each_dtype
@each_shape
def test_relu(shape, dtype, rng):
    pair = (ops.relu_forward, ops.relu_backward)
    for actual, expected in both(*pair, draw(rng, *shape), dtype=dtype, rng=rng):
        np.testing.assert_array_equal(actual, expected)


@each_dtype
@each_shape
def test_relu_squared(shape, dtype, rng, assert_close):
    pair = (ops.relu_squared_forward, ops.relu_squared_backward)
    for actual, expected in both(*pair, draw(rng, *shape), dtype=dtype, rng=rng):
        assert_close(actual, expected, tolerance(dtype, 1e-6))


@each_dtype
@each_shape
def test_silu(shape, dtype, rng, assert_close):
    pair = (ops.silu_forward, ops.silu_backward)
    for actual, expected in both(*pair, 3 * draw(rng, *shape), dtype=dtype, rng=rng):
        assert_close(actual, expected, tolerance(dtype, 1e-6))


@each_dtype
@each_shape
@pytest.mark.parametrize("activation", ["silu", "gelu_tanh", "gelu", "relu"])
def test_gated_product(shape, activation, dtype, rng, assert_close):
    x = 3 * draw(rng, *shape[:-1], 2 * shape[-1])
    pair = (ops.gated_product_forward, ops.gated_product_backward)
    for actual, expected in both(*pair, x, activation=activation, dtype=dtype, rng=rng):
        assert_close(actual, expected, tolerance(dtype, 2e-6))


@each_dtype
def test_silu_is_right_to_the_last_digits_also_where_it_is_small(dtype):
    x = np.linspace(-80, -5, 1001, dtype=dtype)
    y, saved = ops.silu_forward(x)
    dx = ops.silu_backward(np.ones_like(x), saved)
    exact = x.astype(np.longdouble)
    sigmoid = np.exp(exact) / (1 + np.exp(exact))
    rtol = 2e-6 if dtype == np.float32 else 5e-15
    np.testing.assert_allclose(y, (exact * sigmoid).astype(float), rtol=rtol)
    slope = sigmoid * (1 + exact * (1 - sigmoid))
    np.testing.assert_allclose(dx, slope.astype(float), rtol=rtol)


@each_dtype
@each_shape
@pytest.mark.parametrize("has_bias", [True, False])
def test_layer_norm(shape, has_bias, dtype, rng, assert_close):
    x = 2 * draw(rng, *shape) + 1
    parameters = [draw(rng, shape[-1]) for _ in range(1 + has_bias)]
    pair = (ops.layer_norm_forward, ops.layer_norm_backward)
    for actual, expected in both(*pair, x, *parameters, dtype=dtype, rng=rng):
        assert_close(actual, expected, tolerance(dtype, 1e-5))


@each_dtype
@each_shape
def test_softmax(shape, dtype, rng, assert_close):
    x = 4 * draw(rng, *shape)
    x[0, ..., 0] = -np.inf
    x[1] = -np.inf
    pair = (ops.softmax_forward, ops.softmax_backward)
    for actual, expected in both(*pair, x, dtype=dtype, rng=rng):
        assert_close(actual, expected, tolerance(dtype, 1e-6))


@each_dtype
@each_shape
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_cross_entropy(shape, reduction, dtype, rng, assert_close):
    x = 4 * draw(rng, *shape)
    targets = rng.integers(0, shape[-1], shape[:-1])
    targets[0] = -100
    options = {"targets": targets, "label_smoothing": 0.1, "reduction": reduction}
    pair = (ops.cross_entropy_forward, ops.cross_entropy_backward)
    for actual, expected in both(*pair, x, dtype=dtype, rng=rng, **options):
        assert_close(actual, expected, tolerance(dtype, 2e-6))


@each_dtype
def test_cross_entropy_over_its_own_logits(dtype, rng):
    logits, targets = draw(rng, 9, 31).astype(dtype), rng.integers(0, 31, 9)
    _, saved = ops.cross_entropy_forward(logits, targets)
    expected = ops.cross_entropy_backward(1.3, saved)
    assert ops.cross_entropy_backward(1.3, saved, dlogits_out=logits) is logits
    np.testing.assert_array_equal(logits, expected)


@each_dtype
def test_a_logit_that_is_not_a_number_makes_the_loss_one(dtype, rng):
    logits = draw(rng, 2, 31).astype(dtype)
    logits[1, 7] = np.nan
    loss, _ = ops.cross_entropy_forward(logits, np.array([1, 2]))
    assert np.isnan(loss)


@each_dtype
@each_shape
@pytest.mark.parametrize("p", [0.1, 0.5])
def test_dropout_drops_the_same_elements_as_the_reference(shape, p, dtype, rng):
    pair = (ops.dropout_forward, ops.dropout_backward)
    options = {"p": p, "seed": 2**64 - 3, "dtype": dtype, "rng": rng}
    for actual, expected in both(*pair, draw(rng, *shape), **options):
        np.testing.assert_allclose(actual, expected, rtol=tolerance(dtype, 1e-6))


@each_dtype
def test_embedding_sums_gradients_of_repeated_tokens(dtype, rng, assert_close):
    tokens = rng.integers(0, 11, (8, 13))

    def look_up(weight):
        return ops.embedding_forward(tokens, weight)

    pair = (look_up, ops.embedding_backward)
    for actual, expected in both(*pair, draw(rng, 11, 70), dtype=dtype, rng=rng):
        assert_close(actual, expected, tolerance(dtype, 1e-6))


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-13)])
@pytest.mark.parametrize(
    "sizes", [(1, 1, 1), (5, 3, 7), (768, 128, 384), (300, 257, 65), (1100, 600, 40)], ids=str
)
@pytest.mark.parametrize("has_bias", [True, False])
def test_linear(sizes, has_bias, dtype, tolerance, rng, assert_close):
    n_rows, n_in, n_out = sizes
    parameters = [draw(rng, n_in, n_out), draw(rng, n_out)][: 1 + has_bias]
    pair = (ops.linear_forward, ops.linear_backward)
    x = draw(rng, n_rows, n_in)
    for actual, expected in both(*pair, x, *parameters, dtype=dtype, rng=rng):
        assert_close(actual, expected, tolerance)


def test_linear_adds_to_every_other_element_of_a_gradient(rng, assert_close):
    x, weight, dy = draw(rng, 6, 5), draw(rng, 5, 7), draw(rng, 6, 7)
    _, saved = ops.linear_forward(x, weight)
    wide = np.full((5, 14), 3, np.float32)
    ops.linear_backward(dy, saved, dweight_into=wide[:, ::2])
    assert_close(wide[:, ::2], 3 + x.T.astype(float) @ dy, 1e-6)
    assert (wide[:, 1::2] == 3).all()


def test_linear_with_a_transposed_weight_adds_to_a_transposed_gradient(rng, assert_close):
    x, table, dy = draw(rng, 40, 24), draw(rng, 65, 24), draw(rng, 40, 65)
    grad = draw(rng, 65, 24)
    expected = grad + dy.T.astype(np.float64) @ x
    _, saved = ops.linear_forward(x, table.T)
    ops.linear_backward(dy, saved, dweight_into=grad.T)
    assert_close(grad, expected, 1e-5)


def test_linear_over_no_rows(rng):
    y, saved = ops.linear_forward(draw(rng, 0, 4), draw(rng, 4, 3), draw(rng, 3))
    dx, dweight, dbias = ops.linear_backward(y, saved)
    assert y.shape == (0, 3)
    assert dx.shape == (0, 4)
    assert not dweight.any()
    assert not dbias.any()


@each_dtype
def test_adamw_follows_the_reference(dtype, rng, assert_close):
    # The matrix ends in the middle of a chunk, and weight decay ends with it.
    shapes = {"weight": (300, 67), "bias": (20_011,)}
    start = {name: draw(rng, *shape) for name, shape in shapes.items()}
    gradients = [{name: draw(rng, *shape) for name, shape in shapes.items()} for _ in range(4)]

    def walk(dtype):
        parameters = {name: Parameter(shape, normal(1.0)) for name, shape in shapes.items()}
        store = ParameterStore(parameters, dtype)
        optimizer = AdamW(store, betas=(0.9, 0.99), weight_decay=0.3)
        for name, parameter in parameters.items():
            parameter.value[...] = start[name]
        for gradient in gradients:
            for name, parameter in parameters.items():
                parameter.grad[...] = gradient[name]
            optimizer.step(0.05, grad_scale=0.7)
        return parameters

    actual = walk(dtype)
    with kernels.disabled():
        expected = walk(np.float64)
    for name in shapes:
        a, e = actual[name].value, expected[name].value
        assert_close(a, e, tolerance(dtype, 1e-6), name)


@each_dtype
def test_the_norm_is_summed_in_float64(dtype, rng):
    x = draw(rng, 100_003).astype(dtype)
    assert global_norm(x) == pytest.approx(np.sqrt((x.astype(np.float64) ** 2).sum()), rel=1e-14)


@each_dtype
def test_the_bits_do_not_depend_on_the_threads(dtype, n_threads):
    def all_of_it():
        generator = np.random.default_rng(0)
        x, weight, bias, gain, shift = (
            draw(generator, *shape).astype(dtype)
            for shape in ((900, 130), (130, 390), (390,), (390,), (390,))
        )
        y, linear = ops.linear_forward(x, weight, bias)
        n, norm = ops.layer_norm_forward(y, gain, shift)
        loss, entropy = ops.cross_entropy_forward(n, generator.integers(0, 390, 900))
        dn = ops.cross_entropy_backward(1.0, entropy)
        dy, *norm_gradients = ops.layer_norm_backward(dn, norm)
        return [loss, dn, *norm_gradients, *ops.linear_backward(dy, linear), global_norm(x.ravel())]

    results = []
    for n in (1, numba.config.NUMBA_NUM_THREADS):
        n_threads(n)
        results.append(all_of_it())
    for a, b in zip(*results, strict=True):
        np.testing.assert_array_equal(a, b)


@each_dtype
def test_inside_disabled_the_reference_computes(dtype, rng, monkeypatch):
    def refuse(*arguments, **options):
        raise AssertionError("a kernel was called")

    monkeypatch.setattr("scratchgpt.kernels.relu.relu", refuse)
    x = draw(rng, 3).astype(dtype)
    with kernels.disabled():
        ops.relu_forward(x)
    with kernels.disabled(dtype):
        ops.relu_forward(x)
    ops.relu_forward(x.astype(np.complex128))
    other = np.float64 if dtype == np.float32 else np.float32
    with kernels.disabled(other), pytest.raises(AssertionError, match="a kernel was called"):
        ops.relu_forward(x)


@each_dtype
@pytest.mark.parametrize(("n_pairs", "n_documents"), [(3, 3), (33, 40), (129, 200)])
def test_contrastive(n_pairs, n_documents, dtype, rng, assert_close):
    """Its products are kernels; the matrices of scores are not."""
    queries, documents, log_scale = draw(rng, n_pairs, 7), draw(rng, n_documents, 7), draw(rng, 1)
    keys = {"query_keys": rng.integers(0, 99, n_pairs), "document_keys": np.arange(n_documents)}
    pair = (ops.contrastive_forward, ops.contrastive_backward)
    inputs = (queries, documents, log_scale)
    for actual, expected in both(*pair, *inputs, dtype=dtype, rng=rng, **keys):
        assert_close(actual, expected, tolerance(dtype, 1e-5))


def test_mixed_precisions_use_the_reference(rng):
    x = draw(rng, 3)
    assert use_kernels(x, None, x)
    assert use_kernels(x.astype(np.float64))
    assert not use_kernels(x, x.astype(np.float64))
    assert not use_kernels(x.astype(np.float64), only=np.float32)


def test_arrays_that_may_not_be_written_to_or_are_not_aligned(rng):
    x = draw(rng, 5, 8)
    expected, _ = ops.layer_norm_forward(x, np.full(8, 2, np.float32))
    bytes_ = np.empty(x.nbytes + 1, np.uint8)
    unaligned = np.frombuffer(bytes_.data, np.float32, x.size, offset=1).reshape(x.shape)
    unaligned[...] = x
    weight = np.full(8, 2, np.float32)
    for array in (x, unaligned):
        array.flags.writeable = False
        y, saved = ops.layer_norm_forward(array, weight)
        np.testing.assert_array_equal(y, expected)
        np.testing.assert_array_equal(
            ops.layer_norm_backward(array, saved)[0], ops.layer_norm_backward(x.copy(), saved)[0]
        )
