import numpy as np
import pytest

from scratchgpt.layers import Embedding, InputEmbedding, sinusoids


@pytest.mark.parametrize("n_channels", [1, 2, 7, 8])
def test_sinusoids_are_those_of_the_paper(n_channels, assert_close):
    table = sinusoids(9, n_channels)
    assert table.shape == (9, n_channels)
    for t in range(9):
        for channel in range(n_channels):
            i = channel // 2
            angle = t / 10000 ** (2 * i / n_channels)
            expected = np.sin(angle) if channel % 2 == 0 else np.cos(angle)
            assert_close(table[t, channel], expected, 1e-15)


def test_a_shift_is_a_rotation(assert_close):
    """Section 3.5: the encoding of position t + k is a linear function of that of position t."""
    table, k, c = sinusoids(20, 8), 3, 8
    for i in range(c // 2):
        angle = k / 10000 ** (2 * i / c)
        rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        pair = table[:, 2 * i : 2 * i + 2]
        assert_close(pair[:-k] @ rotation.T, pair[k:], 1e-14)


@pytest.mark.parametrize("positions", ["sinusoidal", "learned"])
def test_positions_may_be_given(positions):
    layer = InputEmbedding(Embedding(7, 6), 5, dropout=0.0, scale=True, positions=positions)
    layer.initialize(dtype=np.float64)
    tokens = np.array([[1, 2, 3, 4]])
    whole, _ = layer.forward(tokens)
    np.testing.assert_array_equal(
        layer.forward(tokens[:, 2:], positions=np.array([[2, 3]]))[0], whole[:, 2:]
    )


def test_more_tokens_than_positions_are_refused():
    layer = InputEmbedding(Embedding(7, 6), 5, dropout=0.0, scale=True, positions="sinusoidal")
    layer.initialize()
    with pytest.raises(ValueError, match="6 tokens are more than the model's block_size of 5"):
        layer.forward(np.zeros((1, 6), int))
