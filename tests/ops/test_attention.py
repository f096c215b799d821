import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchgpt.ops import attention_backward, attention_forward, dropout_mask, softmax_forward


def drawn(seed, leading=(2, 3), t=4, s=5, d=6, e=7):
    rng = np.random.default_rng(seed)
    return (
        rng.standard_normal((*leading, t, d)),
        rng.standard_normal((*leading, s, d)),
        rng.standard_normal((*leading, s, e)),
    )


def test_two_keys_by_hand():
    q, k = np.array([[2.0, 0.0]]), np.array([[math.sqrt(2), 5.0], [0.0, -3.0]])
    v = np.array([[1.0, 0.0, 2.0], [0.0, 1.0, 4.0]])
    y, saved = attention_forward(q, k, v)
    weight = math.exp(2) / (math.exp(2) + 1)  # scores 2 √2 / √2 = 2 and 0
    np.testing.assert_allclose(saved.weights, [[weight, 1 - weight]], rtol=1e-14)
    np.testing.assert_allclose(y, [[weight, 1 - weight, 4 - 2 * weight]], rtol=1e-14)


def test_dropout_applies_to_the_weights_after_the_softmax():
    q, k, v = drawn(1)
    y, saved = attention_forward(q, k, v, dropout_p=0.4, dropout_seed=8)
    weights, _ = softmax_forward(q @ k.mT / math.sqrt(6))
    mask = dropout_mask(weights.shape, 0.4, 8, like=weights)
    np.testing.assert_allclose(saved.weights, weights, rtol=1e-13)
    np.testing.assert_allclose(y, (weights * mask / 0.6) @ v, rtol=1e-12, atol=1e-14)


def test_dropout_without_a_seed_is_that_of_seed_zero():
    q, k, v = drawn(1)
    y, _ = attention_forward(q, k, v, dropout_p=0.4)
    expected, _ = attention_forward(q, k, v, dropout_p=0.4, dropout_seed=0)
    np.testing.assert_array_equal(y, expected)


@given(seed=st.integers(0, 1000))
def test_future_keys_do_not_change_past_outputs(seed):
    q, k, v = drawn(seed, t=5, s=5)
    y, _ = attention_forward(q, k, v, causal=True)
    for t in range(4):
        k_other, v_other = k.copy(), v.copy()
        k_other[..., t + 1 :, :] += 7
        v_other[..., t + 1 :, :] -= 9
        other, _ = attention_forward(q, k_other, v_other, causal=True)
        np.testing.assert_array_equal(other[..., : t + 1, :], y[..., : t + 1, :])
        assert (other[..., t + 1 :, :] != y[..., t + 1 :, :]).all()


def test_a_causal_query_attends_to_itself():
    _, saved = attention_forward(*drawn(2, t=4, s=4), causal=True)
    weights = saved.weights
    assert (np.diagonal(weights, axis1=-2, axis2=-1) > 0).all()
    np.testing.assert_array_equal(np.triu(weights, 1), 0)
    np.testing.assert_allclose(weights.sum(axis=-1), 1, rtol=1e-13)


@given(seed=st.integers(0, 1000))
def test_permuting_keys_and_values_together_changes_nothing(seed):
    q, k, v = drawn(seed)
    order = np.random.default_rng(seed).permutation(5)
    y, saved = attention_forward(q, k, v)
    permuted, saved_2 = attention_forward(q, k[..., order, :], v[..., order, :])
    np.testing.assert_allclose(permuted, y, rtol=1e-11, atol=1e-13)
    dy = np.random.default_rng(seed + 1).standard_normal(y.shape)
    dq, dk, dv = attention_backward(dy, saved)
    dq_2, dk_2, dv_2 = attention_backward(dy, saved_2)
    np.testing.assert_allclose(dq_2, dq, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(dk_2, dk[..., order, :], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(dv_2, dv[..., order, :], rtol=1e-9, atol=1e-12)


def test_padded_equals_unpadded():
    """Padding keys change neither the output nor any gradient."""
    q, k, v = drawn(3)
    padding = np.zeros((2, 5), bool)
    padding[:, 3:] = True
    y, saved = attention_forward(q, k, v, key_padding_mask=padding)
    short, saved_short = attention_forward(q, k[..., :3, :], v[..., :3, :])
    np.testing.assert_allclose(y, short, rtol=1e-13)
    dy = np.random.default_rng(4).standard_normal(y.shape)
    dq, dk, dv = attention_backward(dy, saved)
    dq_short, dk_short, dv_short = attention_backward(dy, saved_short)
    np.testing.assert_allclose(dq, dq_short, rtol=1e-11, atol=1e-14)
    np.testing.assert_allclose(dk[..., :3, :], dk_short, rtol=1e-11, atol=1e-14)
    np.testing.assert_allclose(dv[..., :3, :], dv_short, rtol=1e-11, atol=1e-14)
    np.testing.assert_array_equal(dk[..., 3:, :], 0)
    np.testing.assert_array_equal(dv[..., 3:, :], 0)


def test_padding_affects_only_its_row_of_the_batch():
    q, k, v = drawn(5)
    padding = np.zeros((2, 5), bool)
    padding[1, 0] = True
    _, saved = attention_forward(q, k, v, key_padding_mask=padding)
    np.testing.assert_array_equal(saved.weights[1, :, :, 0], 0)
    assert (saved.weights[0] > 0).all()
    assert (saved.weights[1, :, :, 1:] > 0).all()


@pytest.mark.parametrize("leading", [(2,), (2, 3), (2, 3, 2)])
def test_padding_reaches_every_head_whatever_the_number_of_leading_axes(leading):
    q, k, v = drawn(13, leading=leading)
    padding = np.array([[False] * 4 + [True], [True] + [False] * 4])
    _, saved = attention_forward(q, k, v, key_padding_mask=padding)
    for weights, forbidden in zip(saved.weights, padding, strict=True):
        np.testing.assert_array_equal(weights[..., forbidden], 0)
        assert (weights[..., ~forbidden] > 0).all()


def test_true_allows_in_a_boolean_mask_and_minus_infinity_forbids_in_a_floating_one():
    q, k, v = drawn(6)
    allowed = np.random.default_rng(6).random((4, 5)) < 0.6
    allowed[:, 0] = True
    boolean, saved = attention_forward(q, k, v, mask=allowed)
    additive, _ = attention_forward(q, k, v, mask=np.where(allowed, 0.0, -np.inf))
    np.testing.assert_array_equal(boolean, additive)
    np.testing.assert_array_equal(saved.weights > 0, np.broadcast_to(allowed, (2, 3, 4, 5)))


def test_a_query_without_allowed_keys_gets_zeros_and_no_gradient():
    q, k, v = drawn(7)
    mask = np.ones((4, 5), bool)
    mask[2] = False
    y, saved = attention_forward(q, k, v, mask=mask)
    np.testing.assert_array_equal(y[..., 2, :], 0)
    assert (y[..., [0, 1, 3], :] != 0).all()
    dq, dk, dv = attention_backward(np.ones_like(y), saved)
    np.testing.assert_array_equal(dq[..., 2, :], 0)
    assert all(np.isfinite(gradient).all() for gradient in (dq, dk, dv))


def test_a_batch_is_the_concatenation_of_its_rows():
    q, k, v = drawn(8)
    y, _ = attention_forward(q, k, v, causal=True)
    for row in range(2):
        alone, _ = attention_forward(q[row], k[row], v[row], causal=True)
        np.testing.assert_allclose(y[row], alone, rtol=1e-14)


def test_it_is_linear_in_the_values():
    q, k, v = drawn(9)
    w = drawn(10)[2]
    combined, _ = attention_forward(q, k, 2 * v - w)
    separate = 2 * attention_forward(q, k, v)[0] - attention_forward(q, k, w)[0]
    np.testing.assert_allclose(combined, separate, rtol=1e-11, atol=1e-13)


def test_a_shift_of_all_keys_changes_nothing():
    q, k, v = drawn(11)
    shift = np.random.default_rng(11).standard_normal(6)
    moved, _ = attention_forward(q, k + shift, v)
    np.testing.assert_allclose(moved, attention_forward(q, k, v)[0], rtol=1e-11, atol=1e-13)


def test_scores_of_ten_thousand_stay_finite_in_float32():
    q, k, v = (x.astype(np.float32) for x in drawn(12))
    y, saved = attention_forward(1e2 * q, 1e2 * k, v, causal=True)
    assert np.isfinite(y).all()
    assert all(np.isfinite(gradient).all() for gradient in attention_backward(y, saved))


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (((2, 4, 3), (5, 4, 3), (5, 4, 3)), "q .* has 2 heads and k .* has 5; .* must divide"),
        (((1, 6, 4, 3), (1, 4, 5, 3), (1, 4, 5, 3)), "has 6 heads and k .* has 4"),
        (((1, 6, 4, 3), (1, 0, 5, 3), (1, 0, 5, 3)), "has 6 heads and k .* has 0"),
        (((2, 4, 3), (4, 3), (4, 3)), "do not fit together"),
        (((3, 6, 4, 3), (1, 2, 5, 3), (1, 2, 5, 3)), "do not fit together"),
        (((2, 4, 3), (2, 5, 3), (2, 6, 3)), "do not fit together"),
        (((3,), (3,), (3,)), "do not fit together"),
        (((2, 4, 3), (2, 5, 7), (2, 5, 3)), "q has 3 channels but k has 7"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(shapes, message):
    with pytest.raises(ValueError, match=message):
        attention_forward(*(np.ones(shape) for shape in shapes))


def test_a_padding_mask_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"key_padding_mask is \(2, 4\).*must be \(batch, keys\)"):
        attention_forward(*drawn(0), key_padding_mask=np.zeros((2, 4), bool))
    with pytest.raises(ValueError, match="must be"):
        attention_forward(*drawn(0, leading=()), key_padding_mask=np.zeros((4, 5), bool))


def test_a_mask_of_integers_is_refused_as_it_could_mean_either_kind():
    q, k, v = drawn(0)
    mask = np.ones((q.shape[-2], k.shape[-2]), np.int64)
    with pytest.raises(TypeError, match="mask is int64; use bool or float64"):
        attention_forward(q, k, v, mask)


def test_mixed_dtypes_and_impossible_probabilities_are_refused():
    q, k, v = drawn(0)
    with pytest.raises(TypeError, match="q is float64 but v is float32"):
        attention_forward(q, k, v.astype(np.float32))
    with pytest.raises(TypeError, match="q is float64 but k is float32"):
        attention_forward(q, k.astype(np.float32), v)
    with pytest.raises(ValueError, match="attention: p=2 is not a probability"):
        attention_forward(q, k, v, dropout_p=2)
