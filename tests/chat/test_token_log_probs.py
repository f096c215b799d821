import numpy as np
import pytest

from scratchgpt import kernels
from scratchgpt.backend import random_stream
from scratchgpt.chat.token_log_probs import (
    next_tokens,
    token_log_probs_backward,
    token_log_probs_forward,
)
from scratchgpt.models import GPT, GPTConfig
from scratchgpt.training import Objective
from scratchgpt.verify import check_model

TOKENS = np.array([[1, 2, 3, 4, 5], [6, 5, 2, 0, 0]])
COUNTED = np.array([[0, 0, 1, 1, 1], [0, 1, 1, 0, 0]], bool)


@pytest.fixture
def model():
    config = GPTConfig(n_layer=1, n_head=2, n_embd=8, block_size=6, vocab_size=7, dropout=0.2)
    model = GPT(config, dtype=np.float64)
    for name, value in model.arrays().items():
        value[...] += 0.3 * random_stream(0, name).standard_normal(value.shape)
    return model


class Weighted(Objective):
    """A sum of log-probabilities with random weights."""

    def __init__(self, model):
        self.model = model
        self.weights = random_stream(0, "weights").standard_normal((2, 4))

    def weight(self, batch):
        return 1

    def loss(self, batch, *, dropout_seed=None):
        log_probs, saved = token_log_probs_forward(self.model, *batch, dropout_seed=dropout_seed)
        return (self.weights * log_probs).sum(), saved

    def loss_backward(self, dloss, saved):
        token_log_probs_backward(dloss * self.weights, self.model, saved)


def test_they_are_those_of_single_forward_passes(model, assert_close):
    log_probs, _ = token_log_probs_forward(model, *next_tokens(TOKENS, COUNTED))
    expected = np.zeros((2, 4))
    for row, place in zip(*np.nonzero(COUNTED), strict=True):
        logits = model.forward(TOKENS[row : row + 1, :place])[0][0, -1]
        p = np.exp(logits - logits.max())
        expected[row, place - 1] = np.log(p[TOKENS[row, place]] / p.sum())
    assert_close(log_probs, expected, 1e-12)


def test_the_gradient_is_the_derivative(model):
    with kernels.disabled(np.float64):
        batch, settings = next_tokens(TOKENS, COUNTED), {"dropout_seed": 3}
        check_model(Weighted(model), batch, settings=settings, joint=True).raise_if_failed()
        check_model(
            Weighted(model), batch, settings=settings, method="complex", max_elements=2
        ).raise_if_failed()
