import numpy as np
import pytest

from scratchgpt.ops import embedding_backward, embedding_forward
from scratchgpt.ops.embedding import check_tokens


def test_each_token_gets_its_row(rng):
    weight = rng.normal(size=(5, 3))
    tokens = np.array([[4, 0], [1, 4], [2, 2]])
    np.testing.assert_array_equal(embedding_forward(tokens, weight)[0], weight[tokens])


def test_a_repeated_token_collects_every_gradient():
    tokens = np.array([2, 0, 2, 2])
    _, saved = embedding_forward(tokens, np.zeros((4, 2)))
    dy = np.array([[1.0, 2.0], [3.0, 5.0], [10.0, 20.0], [100.0, 200.0]])
    dweight = embedding_backward(dy, saved)
    np.testing.assert_array_equal(dweight, [[3, 5], [0, 0], [111, 222], [0, 0]])


def test_the_gradient_is_the_product_with_one_hot_rows(rng):
    tokens, dy = rng.integers(0, 6, (3, 4)), rng.normal(size=(3, 4, 5))
    _, saved = embedding_forward(tokens, np.zeros((6, 5)))
    one_hot = np.eye(6)[tokens.reshape(-1)]
    expected = one_hot.T @ dy.reshape(-1, 5)
    np.testing.assert_allclose(embedding_backward(dy, saved), expected, rtol=1e-13, atol=1e-15)


def test_the_gradient_is_added_to_dweight_into(rng):
    tokens, dy = np.array([1, 1, 0]), rng.normal(size=(3, 2))
    _, saved = embedding_forward(tokens, np.zeros((3, 2)))
    before = rng.normal(size=(3, 2))
    dweight = before.copy()
    result = embedding_backward(dy, saved, dweight_into=dweight)
    assert result is dweight
    np.testing.assert_allclose(dweight, before + embedding_backward(dy, saved), rtol=1e-14)


@pytest.mark.parametrize("token", [-1, 5, 99])
def test_a_token_outside_the_vocabulary_is_reported_with_its_position(token):
    tokens = np.zeros((2, 3), int)
    tokens[1, 2] = token
    message = rf"token id {token} at position \(1, 2\) is outside the vocabulary \(0 to 4\)"
    with pytest.raises(ValueError, match=message):
        embedding_forward(tokens, np.zeros((5, 2)))


def test_the_first_and_the_last_token_are_inside():
    check_tokens(np.array([0, 4]), vocab_size=5)
    check_tokens(np.array([0, 4], np.uint16), vocab_size=5)


def test_no_tokens_are_no_error():
    y, saved = embedding_forward(np.zeros((2, 0), int), np.ones((3, 4)))
    assert y.shape == (2, 0, 4)
    np.testing.assert_array_equal(embedding_backward(y, saved), np.zeros((3, 4)))


def test_tokens_that_are_not_integers_are_refused():
    with pytest.raises(TypeError, match="token ids must be integers, got float64"):
        embedding_forward(np.zeros(3), np.zeros((5, 2)))
