"""The attention kernel, compared with the reference operation in float64."""

import numpy as np
import pytest

from scratchgpt import kernels
from scratchgpt.ops import attention_backward, attention_forward
from scratchgpt.ops.attention import FlashAttentionSaved

numba = pytest.importorskip("numba")

# (B, H, T, S, D, E): whole tiles, less than one, one more than one, cross-attention both ways
SIZES = [
    (2, 3, 64, 64, 32, 32),
    (1, 2, 4, 4, 1, 3),
    (2, 1, 7, 7, 5, 5),
    (1, 1, 31, 31, 16, 16),
    (2, 2, 33, 33, 24, 40),
    (1, 2, 65, 65, 64, 64),
    (2, 2, 100, 33, 8, 8),
    (1, 2, 4, 5, 6, 7),
    (1, 2, 42, 61, 32, 32),
    (1, 3, 16, 130, 80, 33),
]


def run(q, k, v, dy, **options):
    y, saved = attention_forward(q, k, v, **options)
    return y, *attention_backward(dy, saved)


def problem(rng, n_batch, n_head, n_queries, n_keys, d, e, dtype=np.float32):
    """Return q, k, v and dy as in a model: views (B, H, T, D) of arrays (B, T, H, D)."""
    shapes = [(n_queries, d), (n_keys, d), (n_keys, e), (n_queries, e)]
    return [
        rng.standard_normal((n_batch, n, n_head, width)).astype(dtype).swapaxes(1, 2)
        for n, width in shapes
    ]


def check(arrays, assert_close, tolerance=1e-5, **options):
    y, saved = attention_forward(*arrays[:3], **options)
    assert isinstance(saved, FlashAttentionSaved)
    actual = (y, *attention_backward(arrays[3], saved))
    with kernels.disabled():
        expected = run(*(x.astype(np.float64) for x in arrays), **options)
    for name, a, b in zip(("y", "dq", "dk", "dv"), actual, expected, strict=True):
        assert a.dtype == arrays[0].dtype
        assert_close(a, b, tolerance, name)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-13)])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_any_sizes(sizes, causal, dtype, tolerance, rng, assert_close):
    check(problem(rng, *sizes, dtype=dtype), assert_close, tolerance, causal=causal)


@pytest.mark.parametrize("causal", [False, True])
def test_padding_also_of_a_whole_text(causal, rng, assert_close):
    padding = rng.random((3, 37)) < 0.4
    padding[1] = True
    padding[2, 0] = True
    arrays = problem(rng, 3, 2, 37, 37, 8, 8)
    check(arrays, assert_close, causal=causal, key_padding_mask=padding)
    y, *gradients = run(*arrays, key_padding_mask=padding)
    for x in (y, *gradients):
        np.testing.assert_array_equal(x[1], 0)


@pytest.mark.parametrize("p", [0.2, 1.0])
def test_it_drops_the_same_elements_as_the_reference(p, rng, assert_close):
    options = {"dropout_p": p, "dropout_seed": 2**63 + 5}
    check(problem(rng, 2, 3, 35, 51, 16, 8), assert_close, **options)
    check(problem(rng, 2, 3, 35, 51, 16, 8, dtype=np.float64), assert_close, 1e-13, **options)


def test_a_given_scale_and_large_scores(rng, assert_close):
    q, k, v, dy = problem(rng, 1, 2, 40, 40, 16, 16)
    # A score of 200 has an error of 1e-5 in float32, and so has its exponential, relatively.
    check([20 * q, 20 * k, v, dy], assert_close, tolerance=1e-4, scale=0.1, causal=True)


def test_results_are_written_where_asked(rng):
    q, k, v, dy = problem(rng, 2, 3, 20, 20, 8, 8)
    fused = np.full((2, 20, 4, 3, 8), np.nan, np.float32)
    y, dq, dk, dv = (fused[:, :, i].swapaxes(1, 2) for i in range(4))
    _, saved = attention_forward(q, k, v, causal=True, y_out=y)
    attention_backward(dy, saved, dq_out=dq, dk_out=dk, dv_out=dv)
    for a, b in zip((y, dq, dk, dv), run(q, k, v, dy, causal=True), strict=True):
        np.testing.assert_array_equal(a, b)


def test_gradients_are_written_to_every_other_element(rng):
    q, k, v, dy = problem(rng, 1, 2, 20, 20, 8, 8)
    _, saved = attention_forward(q, k, v)
    wide = [np.full((1, 2, 20, 16), 5, np.float32) for _ in range(3)]
    dq, dk, dv = (x[..., ::2] for x in wide)
    attention_backward(dy, saved, dq_out=dq, dk_out=dk, dv_out=dv)
    for x, expected in zip(wide, attention_backward(dy, saved), strict=True):
        np.testing.assert_array_equal(x[..., ::2], expected)
        assert (x[..., 1::2] == 5).all()


def test_a_gradient_of_another_precision_is_refused(rng):
    q, k, v, dy = problem(rng, 1, 2, 20, 20, 8, 8)
    _, saved = attention_forward(q, k, v)
    with pytest.raises(TypeError, match="q is float32 but dy is float64"):
        attention_backward(dy.astype(np.float64), saved)


@pytest.mark.parametrize("scale", [0.0, -0.5, -50.0])
@pytest.mark.parametrize("causal", [False, True])
def test_a_scale_that_is_not_positive(scale, causal, rng, assert_close):
    arrays = problem(rng, 1, 2, 40, 40, 8, 8)
    expected = run(*(x.astype(np.float64) for x in arrays), causal=causal, scale=scale)
    for a, b in zip(run(*arrays, causal=causal, scale=scale), expected, strict=True):
        assert_close(a, b, 1e-4)


def test_nan_is_kept(rng):
    q, k, v, dy = problem(rng, 1, 1, 40, 40, 8, 8)
    k[0, 0, 3, 2] = np.nan
    y, *_ = run(q, k, v, dy, causal=True)
    assert np.isfinite(y[0, 0, :3]).all()
    assert np.isnan(y[0, 0, 3:]).all()


def test_the_bits_do_not_depend_on_the_threads(n_threads, rng):
    arrays = problem(rng, 2, 3, 70, 70, 24, 24)
    options = {"causal": True, "dropout_p": 0.1, "dropout_seed": 1}
    results = []
    for n in (1, numba.config.NUMBA_NUM_THREADS):
        n_threads(n)
        results.append(run(*arrays, **options))
    for a, b in zip(*results, strict=True):
        np.testing.assert_array_equal(a, b)


def test_it_can_be_switched_off(rng):
    q, k, v, _ = problem(rng, 1, 1, 8, 8, 4, 4)
    with kernels.disabled():
        _, saved = attention_forward(q, k, v)
    assert not isinstance(saved, FlashAttentionSaved)
