import numpy as np
import pytest

from scratchgpt.backend import random_stream
from scratchgpt.chat import Message, Renderer
from scratchgpt.chat.chat_prompts import ChatPrompts, ModelReward, TextReward
from scratchgpt.chat.rollouts import sample_rollouts
from scratchgpt.errors import UserError
from scratchgpt.models import GPT, GPTConfig, GPTReward, GPTRewardConfig

TEXTS = ["ab", "cd", "e", "f" * 40, "gh"]


@pytest.fixture
def renderer(tokenizer):
    return Renderer(tokenizer)


def prompts(renderer, **changes):
    conversations = [[Message("user", text)] for text in TEXTS]
    settings = {"block_size": 20, "max_new_tokens": 8, **changes}
    return ChatPrompts(conversations, np.array([0, 1, 0, 0, 0], bool), renderer, **settings)


def policy(renderer, kind=GPT, config=GPTConfig):
    sizes = {"n_layer": 1, "n_head": 2, "n_embd": 8, "block_size": 30}
    model = kind(config(**sizes, vocab_size=renderer.tokenizer.vocab_size), dtype=np.float64)
    for name, value in model.arrays().items():
        value[...] += 0.3 * random_stream(0, name).standard_normal(value.shape)
    return model


def rollouts(renderer, source):
    return sample_rollouts(
        policy(renderer),
        source.prompts(np.array([0, 2])),
        n_samples=40,
        max_new_tokens=source.max_new_tokens,
        ends=source.ends,
        seed=1,
    )


def test_prompts_that_do_not_fit_are_counted_and_never_drawn(renderer):
    source = prompts(renderer)
    assert source.n_too_long == 1
    assert source.n_training == 3
    assert source.held_out().tolist() == [1]
    drawn = source.draw(6, np.random.default_rng(0))
    assert sorted(drawn) == [0, 0, 2, 2, 4, 4]
    assert sorted(source.draw(3, np.random.default_rng(0))) == [0, 2, 4]
    expected = renderer.prompt([Message("user", "cd")]).tokens
    np.testing.assert_array_equal(source.prompts(np.array([1]))[0], expected)
    with pytest.raises(UserError, match="no prompt fits in block_size=20"):
        prompts(renderer, max_new_tokens=19)


def test_a_text_has_a_reward_if_it_ends(renderer):
    source = prompts(renderer)
    found = rollouts(renderer, source)
    seen = []

    def reward(number, text):
        seen.append((number, text))
        return 1 + len(text)

    numbers = np.array([0, 2])[found.prompts]
    rewards = TextReward(renderer, reward)(numbers, found)
    assert 0 < found.ended.sum() < len(found.ended)
    assert ((rewards > 0) == found.ended).all()
    texts = [renderer.tokenizer.decode(answer) for answer in found.answers()]
    expected = [(n, t) for n, t, ended in zip(numbers, texts, found.ended, strict=True) if ended]
    assert seen == expected


def test_a_reward_model_scores_the_last_token_of_each_answer(renderer, assert_close):
    found = rollouts(renderer, prompts(renderer))
    model = policy(renderer, GPTReward, GPTRewardConfig)
    rewards = ModelReward(model, 0.5)(found.prompts, found)
    for i in (0, 7, 45):
        length = np.flatnonzero(found.counted[i])[-1] + 1
        score = model.forward(found.tokens[i : i + 1, :length], np.array([length]))[0][0]
        assert_close(rewards[i], score - 0.5 * (not found.ended[i]), 1e-12)
