"""The attention kernel, compared with the reference operation in float64."""

import numpy as np
import pytest

from scratchgpt import kernels
from scratchgpt.ops import attention_backward, attention_forward
from scratchgpt.ops.attention import FlashAttentionSaved

pytest.importorskip("numba")

from scratchgpt.kernels import attention as kernel
from scratchgpt.kernels.parts.attention_scores import STRIP

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


def problem(rng, n_batch, n_head, n_queries, n_keys, d, e, dtype=np.float32, group=1):
    """Return q, k, v and dy as in a model: views (B, H, T, D) of arrays (B, T, H, D)."""
    n_kv_head = n_head // group
    shapes = [
        (n_queries, n_head, d),
        (n_keys, n_kv_head, d),
        (n_keys, n_kv_head, e),
        (n_queries, n_head, e),
    ]
    return [rng.standard_normal((n_batch, *shape)).astype(dtype).swapaxes(1, 2) for shape in shapes]


def check(arrays, assert_close, tolerance=1e-5, **options):
    y, saved = attention_forward(*arrays[:3], **options)
    assert isinstance(saved, FlashAttentionSaved)
    actual = (y, *attention_backward(arrays[3], saved))
    with kernels.disabled():
        expected = run(*(x.astype(np.float64) for x in arrays), **options)
    for name, a, b in zip(("y", "dq", "dk", "dv"), actual, expected, strict=True):
        assert a.dtype == arrays[0].dtype
        assert_close(a, b, tolerance, name)


DTYPES = pytest.mark.parametrize(
    ("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-13)], ids=["float32", "float64"]
)


@DTYPES
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


# (B, H, T, S, D, E), and the query heads of a group.
GROUPS = [
    ((2, 2, 33, 33, 6, 6), 2),
    ((1, 9, 70, 70, 20, 20), 3),
    ((2, 4, 64, 64, 64, 64), 4),
    ((1, 8, 37, 37, 80, 80), 8),
    ((1, 6, 41, 67, 20, 6), 3),
    ((2, 4, 67, 41, 16, 32), 2),
]


@DTYPES
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize(("sizes", "group"), GROUPS, ids=str)
def test_groups_of_heads(sizes, group, causal, dtype, tolerance, rng, assert_close):
    arrays = problem(rng, *sizes, dtype=dtype, group=group)
    check(arrays, assert_close, tolerance, causal=causal)


# Less than a tile, a tile, less than a strip, a strip, more than a strip, more than all keys.
WINDOWS = [2, 3, 8, 31, 32, 33, 64, 200]


@DTYPES
@pytest.mark.parametrize("n_keys", [101, 40, 130])
@pytest.mark.parametrize("window", WINDOWS)
def test_windows(window, n_keys, dtype, tolerance, rng, assert_close):
    arrays = problem(rng, 1, 4, 101, n_keys, 20, 16, dtype, group=2)
    check(arrays, assert_close, tolerance, causal=True, window=window)


@DTYPES
@pytest.mark.parametrize("soft_cap", [0.3, 2.0, 50.0])
@pytest.mark.parametrize("causal", [False, True])
def test_a_soft_cap(soft_cap, causal, dtype, tolerance, rng, assert_close):
    q, k, v, dy = problem(rng, 2, 3, 70, 70, 20, 24, dtype)
    check([3 * q, k, v, dy], assert_close, tolerance, causal=causal, soft_cap=soft_cap)


@DTYPES
def test_groups_window_cap_dropout_and_padding_together(dtype, tolerance, rng, assert_close):
    padding = rng.random((3, 75)) < 0.3
    padding[1] = True
    check(
        problem(rng, 3, 6, 75, 75, 20, 16, dtype, group=3),
        assert_close,
        tolerance,
        causal=True,
        window=21,
        soft_cap=3.0,
        key_padding_mask=padding,
        dropout_p=0.3,
        dropout_seed=4,
    )


def test_in_a_window_of_1_the_output_is_the_value(rng, assert_close):
    arrays = problem(rng, 1, 4, 101, 101, 20, 16, np.float64, group=2)
    y, dq, dk, dv = run(*arrays, causal=True, window=1)
    v, dy = arrays[2:]
    assert_close(y, v.repeat(2, axis=1), 1e-15)
    assert_close(dv, dy[:, ::2] + dy[:, 1::2], 1e-15)
    for x in (dq, dk):  # the weight of the only key is 1, whatever its score
        assert np.abs(x).max() < 1e-13


def test_keys_before_the_window_are_not_touched(rng):
    q, k, v, dy = problem(rng, 1, 4, 150, 150, 16, 16, group=2)
    for x in (k, v):
        x[:, :, :50] = np.nan
    y, dq, dk, dv = run(q, k, v, dy, causal=True, window=40)
    first = -(-(50 + 40) // STRIP) * STRIP  # the first strip whose windows begin after the NaN
    for x in (y, dq):
        assert np.isnan(x[:, :, :50]).all()
        assert np.isfinite(x[:, :, first:]).all()
    for x in (dk, dv):
        assert np.isfinite(x[:, :, first:]).all()


def test_a_query_whose_window_ends_before_it_reaches_a_key_gets_zeros(rng):
    q, k, v, dy = problem(rng, 1, 2, 90, 20, 16, 16)
    y, dq, *_ = run(q, k, v, dy, causal=True, window=5)
    for x in (y, dq):
        np.testing.assert_array_equal(x[:, :, 24:], 0)
        assert (x[:, :, 1:24] != 0).any(axis=(1, 3)).all()


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


@pytest.mark.parametrize(("n_head", "group"), [(3, 1), (9, 3), (8, 8), (10, 5)])
def test_the_bits_do_not_depend_on_the_threads(n_head, group, monkeypatch, rng):
    arrays = problem(rng, 1, n_head, 70, 70, 24, 20, group=group)
    options = {"causal": True, "dropout_p": 0.1, "dropout_seed": 1}
    results = []
    for n in (1, 2, 3, 7):  # shares of the work, on however many threads there are
        monkeypatch.setattr(kernel, "n_threads", lambda n=n: n)
        results.append(run(*arrays, **options))
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(("n_batch", "n_head", "n_shares"), [(1, 9, 2), (2, 5, 4), (3, 8, 7)])
def test_each_thread_has_as_many_query_heads_as_the_others(n_batch, n_head, n_shares, rng):
    q, k, v, _ = problem(rng, n_batch, n_head, 4, 4, 8, 8, group=n_head)
    _, saved = attention_forward(q, k, v)
    attention = kernel._describe(q, k, v, saved)
    shares = [kernel._heads.py_func(i, n_shares, attention) for i in range(n_shares)]
    assert [begin for begin, _ in shares[1:]] == [end for _, end in shares[:-1]]
    assert (shares[0][0], shares[-1][1]) == (0, n_batch * n_head)
    sizes = [end - begin for begin, end in shares]
    assert max(sizes) - min(sizes) <= 1


def test_it_can_be_switched_off(rng):
    q, k, v, _ = problem(rng, 1, 1, 8, 8, 4, 4)
    with kernels.disabled():
        _, saved = attention_forward(q, k, v)
    assert not isinstance(saved, FlashAttentionSaved)
