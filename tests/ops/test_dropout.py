import numpy as np
import pytest

from scratchgpt.ops import dropout_backward, dropout_forward, dropout_mask

LIKE = np.empty(0)


def splitmix64(seed, n):
    """Compute splitmix64 as its authors define it, in Python integers."""
    bits, state, out = 2**64 - 1, seed & (2**64 - 1), []
    for _ in range(n):
        state = (state + 0x9E3779B97F4A7C15) & bits
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & bits
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & bits
        out.append(z ^ (z >> 31))
    return out


@pytest.mark.parametrize("seed", [0, 1, 12345, 2**63 - 1])
@pytest.mark.parametrize("shape", [(1,), (7,), (2, 3, 5), (4, 4)])
def test_the_mask_is_that_of_splitmix64(seed, shape):
    n = int(np.prod(shape))
    halves = []
    for number in splitmix64(seed, (n + 1) // 2):
        halves += [number & 0xFFFFFFFF, number >> 32]
    p = 0.37
    expected = np.array([half >= round(p * 2**32) for half in halves[:n]]).reshape(shape)
    np.testing.assert_array_equal(dropout_mask(shape, p, seed, like=LIKE), expected)


def test_the_reference_generator_is_right():
    """These are the first outputs of splitmix64 from state 1234567, as published."""
    assert splitmix64(1234567, 2) == [6457827717110365317, 3203168211198807973]


def test_the_fraction_of_dropped_elements_is_p():
    for p in (0.1, 0.5, 0.8):
        kept = dropout_mask((100_000,), p, 3, like=LIKE).mean()
        assert abs(kept - (1 - p)) < 0.006  # four standard deviations


def test_survivors_are_scaled_up_and_the_others_are_zero(rng):
    x = rng.normal(size=(20, 30))
    y, _ = dropout_forward(x, 0.25, seed=4)
    mask = dropout_mask(x.shape, 0.25, 4, like=x)
    np.testing.assert_allclose(y[mask], x[mask] / 0.75, rtol=1e-15)
    np.testing.assert_array_equal(y[~mask], 0)
    assert 0 < mask.sum() < mask.size


def test_the_backward_replays_the_mask(rng):
    x = rng.normal(size=(4, 6))
    y, saved = dropout_forward(x, 0.5, seed=9)
    np.testing.assert_allclose(dropout_backward(x, saved), y, rtol=1e-15)


def test_the_mask_depends_on_the_seed_alone(rng):
    x = rng.normal(size=(8, 8))
    first, _ = dropout_forward(x, 0.5, seed=1)
    np.testing.assert_array_equal(dropout_forward(x, 0.5, seed=1)[0], first)
    np.testing.assert_array_equal(
        dropout_mask((8, 8), 0.5, 1, like=LIKE).reshape(-1), dropout_mask((64,), 0.5, 1, like=LIKE)
    )
    assert (dropout_forward(x, 0.5, seed=2)[0] != first).any()


def test_probabilities_of_zero_and_one(rng):
    x = rng.normal(size=(3, 4))
    np.testing.assert_array_equal(dropout_forward(x, 0.0, seed=1)[0], x)
    np.testing.assert_array_equal(dropout_forward(x, 1.0, seed=1)[0], np.zeros_like(x))


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_an_invalid_probability_is_refused(p):
    with pytest.raises(ValueError, match=f"dropout: p={p} is not a probability"):
        dropout_forward(np.zeros(3), p, seed=0)


def test_a_number_on_the_threshold_is_kept():
    half = splitmix64(7, 1)[0] & 0xFFFFFFFF
    assert dropout_mask((1,), half / 2**32, 7, like=LIKE)[0]
    assert not dropout_mask((1,), (half + 1) / 2**32, 7, like=LIKE)[0]


def test_a_negative_seed_is_its_last_64_bits():
    negative = dropout_mask((40,), 0.5, -3, like=LIKE)
    np.testing.assert_array_equal(negative, dropout_mask((40,), 0.5, 2**64 - 3, like=LIKE))
