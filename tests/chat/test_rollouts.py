import numpy as np
import pytest

from scratchgpt.backend import random_stream
from scratchgpt.chat.rollouts import sample_rollouts
from scratchgpt.errors import UserError
from scratchgpt.models import GPT, GPTConfig


@pytest.fixture
def model():
    config = GPTConfig(n_layer=1, n_head=2, n_embd=8, block_size=8, vocab_size=7)
    model = GPT(config, dtype=np.float64)
    for name, value in model.arrays().items():
        value[...] += 0.3 * random_stream(0, name).standard_normal(value.shape)
    return model


def rollouts(model, prompts, **changes):
    settings = {"n_samples": 3, "max_new_tokens": 4, "ends": (0, 1), "seed": 5, **changes}
    return sample_rollouts(model, prompts, **settings)


def test_rows_are_prompts_and_answers(model):
    prompts = [[2, 3], [4, 5, 6], [3]]
    found = rollouts(model, prompts)
    assert found.prompts.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert 0 < found.ended.sum() < len(found.ended)
    for row, mask, prompt, answer, ended, n in zip(
        found.tokens,
        found.counted,
        found.prompts,
        found.answers(),
        found.ended,
        found.lengths,
        strict=True,
    ):
        start = len(prompts[prompt])
        assert row[:start].tolist() == prompts[prompt]
        assert np.flatnonzero(mask).tolist() == list(range(start, start + n))
        assert n == len(answer) + ended <= 4
        assert not np.isin(answer, (0, 1)).any()
        assert (row[start + n - 1] in (0, 1)) == ended
        assert not row[start + n :].any()


def test_an_answer_does_not_depend_on_the_other_rows(model):
    all_rows = rollouts(model, [[2, 3], [4, 5, 6]])
    fewer = rollouts(model, [[2, 3]], n_samples=2)
    width = fewer.tokens.shape[1]
    np.testing.assert_array_equal(all_rows.tokens[:2, :width], fewer.tokens)


def test_equal_prompts_get_different_answers(model):
    found = rollouts(model, [[2, 3]] * 8, n_samples=1)
    assert len({tuple(row) for row in found.tokens.tolist()}) > 1


def test_prompts_and_answers_must_fit_in_the_context(model):
    rollouts(model, [[2] * 5])  # the last of the nine tokens is not read
    with pytest.raises(UserError, match="max_new_tokens=5 does not fit after a prompt of 5 tokens"):
        rollouts(model, [[2] * 5], max_new_tokens=5)
    with pytest.raises(UserError, match="there are no prompts"):
        rollouts(model, [])
