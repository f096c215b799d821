import math

import pytest

from scratchgpt.errors import UserError
from scratchgpt.evaluation import mean_loss, perplexity


def test_batches_are_weighted_by_their_tokens():
    loss, n_tokens = mean_loss([(2.0, 3), (1.0, 1), (4.0, 4)])
    assert n_tokens == 8
    assert loss == pytest.approx((2 * 3 + 1 + 4 * 4) / 8)


def test_a_uniform_guess_has_the_perplexity_of_the_alphabet():
    scores = perplexity([(math.log(256), 10), (math.log(256), 7)], n_bytes=17)
    assert scores.perplexity == pytest.approx(256)
    assert scores.bits_per_byte == pytest.approx(8)
    assert (scores.n_tokens, scores.n_bytes) == (17, 17)


def test_bits_per_byte_do_not_depend_on_the_number_of_tokens():
    fine = perplexity([(1.0, 40)], n_bytes=20)
    coarse = perplexity([(4.0, 10)], n_bytes=20)
    assert fine.bits_per_byte == coarse.bits_per_byte
    assert fine.perplexity < coarse.perplexity


def test_a_text_without_a_token_to_predict_is_refused():
    for compute in (mean_loss, lambda batches: perplexity(batches, n_bytes=3)):
        with pytest.raises(UserError, match="no token to predict"):
            compute([])
    with pytest.raises(UserError, match="no bytes"):
        perplexity([(1.0, 1)], n_bytes=0)


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_is_refused(loss):
    with pytest.raises(UserError, match=f"the loss is {loss}: weights"):
        perplexity([(1.0, 2), (loss, 3)], n_bytes=3)


def test_a_very_large_loss_has_an_infinite_perplexity():
    assert perplexity([(1e4, 2)], n_bytes=3).perplexity == math.inf
