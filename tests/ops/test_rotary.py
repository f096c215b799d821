import numpy as np
import pytest

from scratchgpt.ops import rotary_backward, rotary_forward
from scratchgpt.ops.rotary import PAIRINGS

each_pairing = pytest.mark.parametrize("pairing", PAIRINGS)


def tables(positions, frequencies):
    angles = np.multiply.outer(positions, frequencies)
    return np.cos(angles), np.sin(angles)


def complex_pairs(x, pairing):
    """The pairs of x (..., D) as complex numbers (..., D/2)."""
    first, second = np.split(x, 2, axis=-1) if pairing == "halves" else (x[..., ::2], x[..., 1::2])
    return first + 1j * second


@each_pairing
def test_a_pair_is_a_complex_number_that_is_multiplied(pairing, rng, assert_close):
    x, angles = rng.standard_normal((2, 3, 4, 10)), rng.standard_normal((4, 5))
    y, _ = rotary_forward(x, np.cos(angles), np.sin(angles), pairing)
    expected = complex_pairs(x, pairing) * np.exp(1j * angles)
    assert_close(complex_pairs(y, pairing), expected, 1e-15)


def test_a_quarter_turn_is_known():
    x, cos, sin = np.array([[1.0, 2.0, 3.0, 4.0]]), np.zeros((1, 2)), np.ones((1, 2))
    np.testing.assert_array_equal(rotary_forward(x, cos, sin)[0], [[-3, -4, 1, 2]])
    np.testing.assert_array_equal(rotary_forward(x, cos, sin, "neighbors")[0], [[-2, 1, -4, 3]])


@each_pairing
def test_the_score_depends_on_the_distance_alone(pairing, rng, assert_close):
    """The same query at position t and the same key at position s, for all t and s."""
    q, k = rng.standard_normal((2, 1, 8))
    frequencies, positions = np.array([1.0, 0.3, 0.1, 0.01]), np.arange(12)
    turned = [
        rotary_forward(np.repeat(x, 12, axis=0), *tables(positions, frequencies), pairing)[0]
        for x in (q, k)
    ]
    scores = turned[0] @ turned[1].T
    for distance in range(-11, 12):
        diagonal = np.diagonal(scores, -distance)  # t - s = distance
        assert_close(diagonal, np.full(len(diagonal), diagonal[0]), 1e-13)
    assert len(np.unique(scores.round(6))) == 23
    distances = tables(np.arange(-11, 12), frequencies)  # cosine and sine are even and odd
    pairs = complex_pairs(q, pairing) * complex_pairs(k, pairing).conj()
    expected = (pairs.real * distances[0] - pairs.imag * distances[1]).sum(axis=-1)
    assert_close([np.diagonal(scores, -d)[0] for d in range(-11, 12)], expected, 1e-13)


@each_pairing
def test_lengths_are_kept(pairing, rng, assert_close):
    x = rng.standard_normal((3, 5, 6))
    y, _ = rotary_forward(x, *tables(np.arange(5), np.array([1.0, 0.5, 0.2])), pairing)
    assert_close(np.linalg.norm(y, axis=-1), np.linalg.norm(x, axis=-1), 1e-15)


@each_pairing
def test_the_backward_pass_undoes_the_rotation(pairing, rng, assert_close):
    x = rng.standard_normal((3, 5, 6))
    y, saved = rotary_forward(x, *tables(np.arange(5), np.array([1.0, 0.5, 0.2])), pairing)
    assert_close(rotary_backward(y, saved), x, 1e-15)
    assert np.abs(y - x).max() > 0.1


def test_the_pairings_differ_by_a_permutation_of_the_channels(rng):
    x, angles = rng.standard_normal((2, 5, 8)), rng.standard_normal((5, 4))
    table = np.cos(angles), np.sin(angles)
    neighbors = np.arange(8).reshape(2, 4).T.reshape(-1)  # 0 4 1 5 2 6 3 7
    y, _ = rotary_forward(x[..., neighbors], *table, "neighbors")
    np.testing.assert_array_equal(y, rotary_forward(x, *table)[0][..., neighbors])


@each_pairing
def test_outputs_may_overwrite_inputs(pairing, rng):
    qkv, angles = rng.standard_normal((2, 5, 3, 4, 6)), rng.standard_normal((5, 3))
    before = qkv.copy()
    x = qkv[:, :, 1].swapaxes(1, 2)  # the keys: a view (2, 4, 5, 6)
    expected, saved = rotary_forward(x, np.cos(angles), np.sin(angles), pairing)
    np.testing.assert_array_equal(qkv, before)
    assert rotary_forward(x, np.cos(angles), np.sin(angles), pairing, y_out=x)[0] is x
    np.testing.assert_array_equal(x, expected)
    np.testing.assert_array_equal(qkv[:, :, ::2], before[:, :, ::2])
    dx = rotary_backward(x, saved)
    assert rotary_backward(x, saved, dx_out=x) is x
    np.testing.assert_array_equal(x, dx)


def test_it_equals_the_function_of_transformers(torch, transformers, rng, assert_close):
    from transformers.models.cohere.modeling_cohere import rotate_half as rotate_neighbors
    from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

    q, k = rng.standard_normal((2, 4, 5, 6)), rng.standard_normal((2, 3, 5, 6))
    cos, sin = tables(np.arange(3, 8), np.array([1.0, 0.3, 0.1]))
    cos_twice, sin_twice = (torch.tensor(np.concatenate([x, x], -1)[None]) for x in (cos, sin))
    theirs = apply_rotary_pos_emb(torch.tensor(q), torch.tensor(k), cos_twice, sin_twice)
    for x, expected in zip((q, k), theirs, strict=True):
        assert_close(rotary_forward(x, cos, sin)[0], expected.numpy(), 1e-15)
    cos_twice, sin_twice = (torch.tensor(np.repeat(x, 2, axis=-1)) for x in (cos, sin))
    expected = torch.tensor(q) * cos_twice + rotate_neighbors(torch.tensor(q)) * sin_twice
    assert_close(rotary_forward(q, cos, sin, "neighbors")[0], expected.numpy(), 1e-15)


@each_pairing
def test_nan_stays_in_its_pair(pairing):
    x = np.ones((2, 3, 6), np.float32)
    x[1, 2, 0] = np.nan
    table = np.full((3, 3), 0.6, np.float32), np.full((3, 3), 0.8, np.float32)
    y, _ = rotary_forward(x, *table, pairing)
    expected = np.zeros(y.shape, bool)
    expected[1, 2, [0, 3] if pairing == "halves" else [0, 1]] = True
    np.testing.assert_array_equal(np.isnan(y), expected)


@pytest.mark.parametrize("shape", [(6,), (3, 5), (3, 0), ()])
def test_channels_that_are_no_pairs_are_refused(shape):
    with pytest.raises(ValueError, match=r"pass \(\.\.\., positions, channels\), in pairs"):
        rotary_forward(np.zeros(shape), np.zeros((3, 3)), np.zeros((3, 3)))


def test_tables_that_do_not_fit_are_refused(rng):
    x, table = np.zeros((2, 4, 6)), np.zeros((4, 3))
    for wrong in (np.zeros((5, 3)), np.zeros((4, 6)), np.zeros((3, 4, 3)), np.zeros((1, 2, 4, 3))):
        with pytest.raises(ValueError, match=r"cos is .*; for a x of"):
            rotary_forward(x, wrong, table)
        with pytest.raises(ValueError, match=r"sin is .*; for a x of"):
            rotary_forward(x, table, wrong)
    _, saved = rotary_forward(x, table, table)
    for dy in (np.zeros((2, 5, 6)), np.zeros((2, 4, 8)), np.zeros((2, 4, 7)), np.zeros(6)):
        with pytest.raises(ValueError, match=r"rotary: (dy is|cos is .*; for a dy)"):
            rotary_backward(dy, saved)


def test_other_precisions_are_refused():
    x, table = np.zeros((4, 6)), np.zeros((4, 3))
    with pytest.raises(TypeError, match="x is float64 but cos is float32"):
        rotary_forward(x, table.astype(np.float32), table)
    with pytest.raises(TypeError, match="x is float64 but sin is complex128"):
        rotary_forward(x + 1j, table, table + 1j)
    _, saved = rotary_forward(x, table, table)
    with pytest.raises(TypeError, match="dy is float32 but cos is float64"):
        rotary_backward(x.astype(np.float32), saved)


def test_an_unknown_pairing_is_refused():
    with pytest.raises(ValueError, match="one of halves, neighbors, got 'thirds'"):
        rotary_forward(np.zeros((4, 6)), np.zeros((4, 3)), np.zeros((4, 3)), "thirds")
