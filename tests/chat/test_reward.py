import math

import numpy as np
import pytest

from scratchgpt import kernels
from scratchgpt.backend import random_stream
from scratchgpt.chat import (
    Message,
    PairwiseReward,
    PreferenceBatches,
    Preferences,
    Renderer,
    encode_preferences,
)
from scratchgpt.errors import UserError
from scratchgpt.models import GPTReward, GPTRewardConfig
from scratchgpt.verify import check_model

PROMPT = [Message("user", "ab")]
PREFERENCES = [
    Preferences(PROMPT, ["cd", "e"], [(0, 1)], [0.3]),
    Preferences(PROMPT, ["g", "hijk", "lm"], [(0, 1), (2, 1), (2, 0)]),
]


@pytest.fixture
def batch(tokenizer):
    part = encode_preferences(PREFERENCES, Renderer(tokenizer), 24)
    batches = PreferenceBatches(part, part, tokens_per_batch=500, seed=0)
    [only] = batches.validation_batches()
    return only


def reward_model(tokenizer, **changes):
    sizes = {"n_layer": 1, "n_head": 2, "n_embd": 8, "block_size": 24, **changes}
    model = GPTReward(GPTRewardConfig(**sizes, vocab_size=tokenizer.vocab_size), dtype=np.float64)
    for name, value in model.arrays().items():
        value[...] += 0.3 * random_stream(1, name).standard_normal(value.shape)
    return model


@pytest.mark.parametrize("centering", [0.0, 0.1])
def test_the_gradient_is_the_derivative(centering, tokenizer, batch):
    with kernels.disabled(np.float64):
        objective = PairwiseReward(reward_model(tokenizer, dropout=0.2), centering=centering)
        settings = {"dropout_seed": 3}
        check_model(objective, batch, settings=settings, joint=True).raise_if_failed()
        options = {"method": "complex", "max_elements": 2}
        check_model(objective, batch, settings=settings, **options).raise_if_failed()


def test_the_loss_is_the_mean_over_prompts_of_the_mean_over_pairs(tokenizer, batch, assert_close):
    model = reward_model(tokenizer)
    renderer = Renderer(tokenizer)
    means = []
    for one in PREFERENCES:
        rows = [
            np.append(renderer.prompt(one.prompt).tokens, renderer.answer(text))
            for text in one.answers
        ]
        scores = [
            model.forward(row[None], np.array([len(row)]))[0][0] for row in rows
        ]  # one by one
        losses = [
            math.log(1 + math.exp(scores[j] - scores[i] + margin))
            for (i, j), margin in zip(one.pairs, one.margins, strict=True)
        ]
        means.append(np.mean(losses))
    loss, saved = PairwiseReward(model).loss(batch)
    assert_close(loss, np.mean(means), 1e-12)
    measures = PairwiseReward(model).measures(saved)
    assert set(measures) == {"accuracy", "margin", "score"}


def test_a_score_of_zero_gives_log_2(tokenizer, batch):
    model = reward_model(tokenizer)
    model.score.weight.value[...] = 0
    loss, saved = PairwiseReward(model).loss(batch._replace(margins=0 * batch.margins))
    assert loss == pytest.approx(math.log(2), rel=1e-15)
    assert PairwiseReward(model).measures(saved)["accuracy"] == pytest.approx(0.5)


def test_negative_centering_is_refused(tokenizer):
    with pytest.raises(UserError, match="centering=-1 must be at least 0"):
        PairwiseReward(reward_model(tokenizer), centering=-1)
