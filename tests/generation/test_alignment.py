import numpy as np
import pytest

from scratchgpt.generation import alignment

SOURCE, TARGET = [5, 3, 9, 0], [7, 2, 2, 11, 0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_each_token_of_the_target_has_a_distribution_over_the_source(make_transformer, dtype):
    weights = alignment(make_transformer(dtype), SOURCE, TARGET, end_of_text=0)
    assert weights.shape == (5, 4)
    assert (weights > 0).all()
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-6)


def test_it_is_the_mean_over_the_layers(make_transformer):
    model = make_transformer()
    layers = [alignment(model, SOURCE, TARGET, end_of_text=0, layer=i) for i in range(2)]
    assert abs(layers[0] - layers[1]).max() > 0.01
    together = alignment(model, SOURCE, TARGET, end_of_text=0)
    np.testing.assert_allclose(together, np.mean(layers, axis=0), rtol=1e-13)


def test_a_row_is_where_the_decoder_looked_when_it_chose_that_token(make_transformer):
    model = make_transformer()
    weights = alignment(model, SOURCE, TARGET, end_of_text=0)
    other = alignment(model, SOURCE, [*TARGET[:3], 4, 6], end_of_text=0)
    np.testing.assert_allclose(other[:4], weights[:4], rtol=1e-12)  # row t precedes token t
    assert abs(other[4] - weights[4]).max() > 1e-4


def test_it_follows_a_source_whose_keys_are_moved(make_transformer):
    """Without position encodings in the encoder, swapped source tokens swap their columns."""
    model = make_transformer(n_decoder_layer=1, positions="learned")
    model.encoder.embedding.wpe.weight.value[...] = 0
    swapped = [SOURCE[1], SOURCE[0], *SOURCE[2:]]
    weights = alignment(model, SOURCE, TARGET, end_of_text=0)
    other = alignment(model, swapped, TARGET, end_of_text=0)
    np.testing.assert_allclose(other, weights[:, [1, 0, 2, 3]], rtol=1e-10)
