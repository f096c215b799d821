import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchgpt.ops import (
    IGNORE_INDEX,
    cross_entropy_backward,
    cross_entropy_forward,
    softmax_forward,
)


def test_a_known_loss():
    logits = np.log([[1.0, 2.0, 5.0], [1.0, 1.0, 2.0]])
    loss, _ = cross_entropy_forward(logits, np.array([2, 0]))
    np.testing.assert_allclose(loss, -(np.log(0.625) + np.log(0.25)) / 2, rtol=1e-14)


def test_equal_logits_cost_the_logarithm_of_the_vocabulary():
    loss, _ = cross_entropy_forward(np.zeros((2, 3, 7)), np.zeros((2, 3), int))
    np.testing.assert_allclose(loss, np.log(7), rtol=1e-15)


def test_the_gradient_is_the_difference_of_two_distributions(rng):
    logits, targets = rng.normal(size=(4, 5)), rng.integers(0, 5, 4)
    _, saved = cross_entropy_forward(logits, targets, label_smoothing=0.2)
    smoothed = 0.8 * np.eye(5)[targets] + 0.2 / 5
    expected = 3 * (softmax_forward(logits)[0] - smoothed) / 4
    np.testing.assert_allclose(cross_entropy_backward(3.0, saved), expected, rtol=1e-13)


def test_label_smoothing_mixes_in_the_uniform_distribution(rng):
    logits, targets = rng.normal(size=(4, 5)), rng.integers(0, 5, 4)
    losses, _ = cross_entropy_forward(logits, targets, label_smoothing=0.3, reduction="none")
    log_p = np.log(softmax_forward(logits)[0])
    expected = -0.7 * log_p[np.arange(4), targets] - 0.3 * log_p.mean(axis=-1)
    np.testing.assert_allclose(losses, expected, rtol=1e-13)


def test_the_three_reductions_are_consistent(rng):
    logits, targets = rng.normal(size=(2, 3, 5)), rng.integers(0, 5, (2, 3))
    targets[0, 1] = IGNORE_INDEX
    none, _ = cross_entropy_forward(logits, targets, reduction="none")
    total, _ = cross_entropy_forward(logits, targets, reduction="sum")
    mean, _ = cross_entropy_forward(logits, targets, reduction="mean")
    assert none.shape == (2, 3)
    assert none[0, 1] == 0
    np.testing.assert_allclose(total, none.sum(), rtol=1e-14)
    np.testing.assert_allclose(mean, total / 5, rtol=1e-14)


def test_ignored_positions_have_no_gradient(rng):
    logits, targets = rng.normal(size=(3, 5)), np.array([2, IGNORE_INDEX, 4])
    for reduction in ("mean", "sum", "none"):
        _, saved = cross_entropy_forward(logits, targets, reduction=reduction)
        dloss = np.full(3, 2.0) if reduction == "none" else 2.0
        dlogits = cross_entropy_backward(dloss, saved)
        np.testing.assert_array_equal(dlogits[1], 0)
        assert (dlogits[[0, 2]] != 0).all()


def test_if_no_target_counts_the_loss_and_its_gradient_are_zero(rng):
    loss, saved = cross_entropy_forward(rng.normal(size=(3, 5)), np.full(3, IGNORE_INDEX))
    assert loss == 0
    np.testing.assert_array_equal(cross_entropy_backward(1.0, saved), np.zeros((3, 5)))


@given(n=st.integers(1, 6), m=st.integers(1, 6), seed=st.integers(0, 1000))
def test_the_loss_over_a_concatenation_is_the_token_weighted_mean(n, m, seed):
    rng = np.random.default_rng(seed)
    logits, targets = rng.standard_normal((n + m, 5)), rng.integers(0, 5, n + m)
    targets[rng.random(n + m) < 0.3] = IGNORE_INDEX
    whole, saved = cross_entropy_forward(logits, targets)
    first, saved_1 = cross_entropy_forward(logits[:n], targets[:n])
    second, saved_2 = cross_entropy_forward(logits[n:], targets[n:])
    total = max(saved.n_counted, 1)
    assert saved.n_counted == saved_1.n_counted + saved_2.n_counted
    expected = (first * saved_1.n_counted + second * saved_2.n_counted) / total
    np.testing.assert_allclose(whole, expected, rtol=1e-12)
    gradients = [
        cross_entropy_backward(part.n_counted / total, part) for part in (saved_1, saved_2)
    ]
    np.testing.assert_allclose(
        cross_entropy_backward(1.0, saved), np.concatenate(gradients), rtol=1e-12, atol=1e-16
    )


@given(shift=st.floats(-1e3, 1e3), seed=st.integers(0, 1000))
def test_it_is_shift_invariant(shift, seed):
    rng = np.random.default_rng(seed)
    logits, targets = rng.standard_normal((3, 5)), rng.integers(0, 5, 3)
    loss, _ = cross_entropy_forward(logits, targets)
    moved, _ = cross_entropy_forward(logits + shift, targets)
    np.testing.assert_allclose(moved, loss, rtol=1e-9, atol=1e-12)


def test_logits_of_ten_thousand_stay_finite_in_float32():
    logits = np.array([[1e4, -1e4, 0], [1e4, -1e4, 0]], np.float32)
    loss, saved = cross_entropy_forward(logits, np.array([0, 1]), reduction="none")
    np.testing.assert_array_equal(loss, [0, 2e4])
    dlogits = cross_entropy_backward(np.ones(2, np.float32), saved)
    np.testing.assert_array_equal(dlogits, [[0, 0, 0], [1, -1, 0]])


def test_loss_and_gradient_of_float32_logits_are_float32(rng):
    logits = rng.normal(size=(3, 5)).astype(np.float32)
    loss, saved = cross_entropy_forward(logits, np.array([0, 1, 2]), label_smoothing=0.1)
    assert loss.dtype == np.float32
    assert cross_entropy_backward(1.0, saved).dtype == np.float32


def test_a_target_outside_the_vocabulary_is_refused():
    with pytest.raises(ValueError, match=r"token id 5 at position \(1,\) is outside"):
        cross_entropy_forward(np.zeros((2, 5)), np.array([0, 5]))
    with pytest.raises(ValueError, match="token id -1 at position"):
        cross_entropy_forward(np.zeros((2, 5)), np.array([-1, 0]))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"label_smoothing": 1.5}, "label_smoothing=1.5 is not within 0 to 1"),
        ({"label_smoothing": -0.1}, "label_smoothing=-0.1 is not within 0 to 1"),
        ({"reduction": "average"}, "reduction must be 'mean', 'sum' or 'none', got 'average'"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        cross_entropy_forward(np.zeros((2, 5)), np.array([0, 1]), **settings)


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"logits are \(2, 5\) but targets \(3,\)"):
        cross_entropy_forward(np.zeros((2, 5)), np.zeros(3, int))


def test_a_vocabulary_of_one_token_may_have_ignored_targets():
    loss, saved = cross_entropy_forward(np.array([[2.0], [3.0]]), np.array([0, -100]))
    assert loss == 0
    np.testing.assert_array_equal(cross_entropy_backward(1.0, saved), 0)


def test_positions_count_by_target_and_not_by_loss():
    logits = np.array([[0.0, -np.inf], [1.0, 2.0]])  # the first row has a loss of exactly 0
    _, saved = cross_entropy_forward(logits, np.array([0, -100]))
    np.testing.assert_array_equal(saved.counted, [True, False])
