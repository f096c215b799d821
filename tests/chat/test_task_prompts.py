import numpy as np
import pytest

from scratchgpt.backend import random_stream
from scratchgpt.chat.rollouts import Rollouts, sample_rollouts
from scratchgpt.chat.task_prompts import TaskPrompts, TaskReward
from scratchgpt.errors import UserError
from scratchgpt.models import GPT, GPTConfig
from scratchgpt.text import task_from_spec

ADDITION = task_from_spec("addition:2")


def rollouts(*texts):
    """Answers to problem 8550, 85+50=531; a period is the token that ends them."""
    end = ADDITION.tokenizer.end_of_text
    prompt = ADDITION.encode(np.array([8550]))[0][0]
    answers = [ADDITION.tokenizer.encode(text.rstrip(".")).tolist() for text in texts]
    rows = [
        answer + [end] * text.endswith(".") for text, answer in zip(texts, answers, strict=True)
    ]
    tokens = np.zeros((len(rows), 10), np.int64)
    counted = np.zeros(tokens.shape, bool)
    for i, row in enumerate(rows):
        tokens[i, :6], tokens[i, 6 : 6 + len(row)] = prompt, row
        counted[i, 6 : 6 + len(row)] = True
    ended = np.array([text.endswith(".") for text in texts])
    return Rollouts(tokens, counted, np.zeros(len(rows), np.int64), ended)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("exact", [1, 0, 0, 0, 0, 0]), ("share", [1, 0.75, 0.75, 0.25, 0.5, 0])],
)
def test_rewards_are_exact(kind, expected):
    given = rollouts("531.", "5310", "530.", "5.", "53.", ".")
    rewards = TaskReward(ADDITION, kind)(np.full(6, 8550), given)
    assert rewards.tolist() == expected


def test_other_rewards_are_refused():
    with pytest.raises(UserError, match="reward='exakt' is not one of exact, share; did you mean"):
        TaskReward(ADDITION, "exakt")


@pytest.mark.parametrize("spec", ["addition:2", "sort:6:3"])
def test_problems_are_split_as_in_training(spec):
    task = task_from_spec(spec)
    source = TaskPrompts(task)
    drawn = source.draw(500, random_stream(0, "draw"))
    assert len(drawn) == 500
    assert not task.is_test(drawn).any()
    assert task.is_test(source.held_out()).all()
    config = GPTConfig(
        n_layer=1, n_head=1, n_embd=4, block_size=task.block_size, vocab_size=task.vocab_size
    )
    found = sample_rollouts(
        GPT(config),
        source.prompts(drawn[:5]),
        n_samples=2,
        max_new_tokens=source.max_new_tokens,
        ends=source.ends,
        seed=0,
    )
    assert found.lengths.max() <= task.answer_length + 1
