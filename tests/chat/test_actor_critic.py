import numpy as np
import pytest

from scratchgpt import kernels
from scratchgpt.backend import random_stream
from scratchgpt.chat.actor_critic import ActorCritic
from scratchgpt.errors import UserError
from scratchgpt.generation import generate
from scratchgpt.models import GPT, GPTConfig, GPTReward, GPTRewardConfig, load_pretrained
from scratchgpt.training.checkpoint import saved_arrays
from scratchgpt.verify import check_layer

SIZES = {"n_layer": 1, "n_head": 2, "n_embd": 8, "block_size": 7, "vocab_size": 11}
each_kind = pytest.mark.parametrize("shared", [False, True], ids=["separate", "shared"])


@pytest.fixture
def gpt():
    return GPT(GPTConfig(**SIZES, dropout=0), seed=3, dtype=np.float64)


@pytest.fixture
def reward():
    return GPTReward(GPTRewardConfig(**{**SIZES, "n_embd": 6}), seed=4, dtype=np.float64)


class OnTokens:
    """The forward pass with both outputs, as :func:`check_layer` calls it."""

    def __init__(self, model, tokens):
        self.model, self.tokens = model, tokens
        self.named_parameters = model.named_parameters

    def forward(self):
        logits, values, saved = self.model.evaluate(self.tokens, dropout_seed=3)
        return (logits, values), saved

    def backward(self, dy, saved):
        self.model.evaluate_backward(*dy, saved)


@each_kind
def test_the_gradient_is_the_derivative(shared, rng):
    config = GPTConfig(**SIZES, dropout=0.2)
    critic = None if shared else GPTConfig(**{**SIZES, "n_embd": 6}, dropout=0.2)
    model = ActorCritic(config, critic, dtype=np.float64)
    for name, value in {**model.arrays(), **model.value_arrays()}.items():
        value[...] += 0.3 * random_stream(0, name).standard_normal(value.shape)
    layer = OnTokens(model, rng.integers(0, 11, (2, 5)))
    with kernels.disabled(np.float64):
        report = check_layer(layer, max_elements=4)
    report.raise_if_failed()
    assert any(name.startswith("critic.") for name in dict(model.named_parameters()))


@each_kind
def test_the_logits_are_those_of_the_gpt(shared, gpt, rng):
    model = ActorCritic.from_gpt(gpt, shared=shared)
    tokens = rng.integers(0, 11, (3, 6))
    logits, values, _ = model.evaluate(tokens)
    np.testing.assert_array_equal(logits, gpt.forward(tokens)[0])
    assert values.shape == (3, 6)
    assert not values.any()


def test_the_values_start_as_the_scores_of_the_reward_model(gpt, reward, rng):
    model = ActorCritic.from_gpt(gpt, reward=reward)
    tokens = rng.integers(0, 11, (3, 6))
    _, values, _ = model.evaluate(tokens)
    for length in range(1, 7):
        scores, _ = reward.forward(tokens, np.full(3, length))
        np.testing.assert_allclose(values[:, length - 1], scores, rtol=1e-12)


@each_kind
def test_it_is_saved_as_a_gpt(shared, gpt, tmp_path, rng):
    model = ActorCritic.from_gpt(gpt, shared=shared)
    model.save_pretrained(tmp_path)
    loaded = load_pretrained(tmp_path, dtype=np.float64)
    assert type(loaded) is GPT
    tokens = rng.integers(0, 11, (2, 4))
    np.testing.assert_array_equal(loaded.forward(tokens)[0], gpt.forward(tokens)[0])
    assert saved_arrays(model).keys() == saved_arrays(gpt).keys()
    assert len(model.value_arrays()) == len(model.store.named) - len(model.arrays())


@each_kind
def test_it_generates_as_the_gpt(shared, gpt):
    small = gpt.astype(np.float32)
    model = ActorCritic.from_gpt(small, shared=shared)
    texts = [
        [one.tokens for one in generate(each, [[1, 2]], max_new_tokens=5, num_samples=3)]
        for each in (small, model)
    ]
    assert [list(row) for row in texts[0]] == [list(row) for row in texts[1]]


@each_kind
def test_copies_have_both_parts(shared, gpt, rng):
    model = ActorCritic.from_gpt(gpt, shared=shared)
    model.store.values[...] = rng.standard_normal(model.store.values.shape)
    tokens = rng.integers(0, 11, (2, 4))
    copy = model.astype(np.float64)
    for one, other in zip(model.evaluate(tokens)[:2], copy.evaluate(tokens)[:2], strict=True):
        np.testing.assert_array_equal(one, other)
    alone = model.policy_alone()
    model.store.values[...] = 0
    np.testing.assert_array_equal(alone.forward(tokens)[0], copy.forward(tokens)[0])


def test_a_shared_body_cannot_start_from_a_reward_model(gpt, reward):
    with pytest.raises(UserError, match="cannot start from the reward model"):
        ActorCritic.from_gpt(gpt, shared=True, reward=reward)
