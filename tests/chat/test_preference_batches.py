import numpy as np
import pytest

from scratchgpt.chat import (
    Message,
    PreferenceBatches,
    Preferences,
    Renderer,
    encode_preferences,
)
from scratchgpt.errors import UserError


def two(n, **changes):
    answers = ["a" * n, "b" * (n + 1)]
    return Preferences([Message("user", "q")], answers, [(0, 1)], **changes)


def test_a_batch_has_the_answers_of_each_prompt_and_their_pairs(tokenizer):
    renderer = Renderer(tokenizer)
    three = Preferences([Message("user", "q")], ["x", "y", "z"], [(2, 0), (2, 1)], [0.5, 0.25])
    part = encode_preferences([two(5), three], renderer, 40)
    batches = PreferenceBatches(part, part, tokens_per_batch=200, seed=0)
    [batch] = batches.validation_batches()
    assert batch.n_prompts == 2
    assert batches.n_answers == 10
    assert batch.rows.tolist() == [7, 8, 9, 5, 6]
    assert list(zip(batch.winners, batch.losers, strict=True)) == [(2, 0), (2, 1), (3, 4)]
    assert batch.margins.tolist() == [0.5, 0.25, 0]
    assert batch.shares.tolist() == [0.25, 0.25, 0.5]
    for tokens, counted, n, text in zip(
        batch.tokens, batch.counted, batch.lengths, ["x", "y", "z", "aaaaa", "bbbbbb"], strict=True
    ):
        assert tokenizer.decode(tokens[counted]) == text
        assert tokens[counted][-1] == tokens[n - 1] == renderer.end
        assert not tokens[n:].any()


def test_only_the_last_answer_counts(tokenizer):
    prompt = [Message("user", "q"), Message("assistant", "no"), Message("user", "r")]
    part = encode_preferences([Preferences(prompt, ["a", "b"], [(0, 1)])], Renderer(tokenizer), 40)
    [group] = part.groups
    assert [mask.sum() for mask in group.counted] == [2, 2]


def test_the_prompt_is_cut_by_turns_equally_for_all_answers(tokenizer):
    renderer = Renderer(tokenizer)
    prompt = [Message("user", "q"), Message("assistant", "no"), Message("user", "r")]
    one = Preferences(prompt, ["a", "b" * 8], [(0, 1)])
    part = encode_preferences([one, two(30)], renderer, 16)
    assert (len(part), part.n_shortened, part.n_too_long) == (1, 1, 1)
    start = renderer.prompt(prompt[2:]).tokens
    for row in part.groups[0].tokens:
        assert row[: len(start)].tolist() == start.tolist()
    assert part.notes == (
        "; left out to fit 16 tokens: the oldest turns of 1 prompt and 1 whole prompt"
    )
    with pytest.raises(UserError, match=r"none of 1 prompt .* fits a model of 9 tokens"):
        encode_preferences([two(30)], renderer, 9)


def test_no_batch_is_larger_than_its_limit_and_an_epoch_is_complete(tokenizer, rng):
    groups = [
        Preferences([Message("user", "q" * n)], list("abcd")[:k], [(0, 1)])
        for n, k in rng.integers(2, 5, (30, 2))
    ]
    part = encode_preferences(groups, Renderer(tokenizer), 40)
    batches = PreferenceBatches(part, part, tokens_per_batch=150, seed=0)
    seen = []
    for i in range(batches.batches_per_epoch):
        batch = batches.train_batch(i)
        assert batch.tokens.size <= 150
        seen += batch.rows.tolist()
    assert sorted(seen) == list(range(part.n_answers))
    every = np.concatenate([batch.rows for batch in batches.all_batches()])
    assert sorted(every) == list(range(batches.n_answers))
    with pytest.raises(UserError, match="too small for the longest prompt"):
        PreferenceBatches(part, part, tokens_per_batch=10, seed=0)


def test_the_fingerprint_depends_on_the_preference(tokenizer):
    one, other = (
        encode_preferences([Preferences([], ["a", "b"], [pair])], Renderer(tokenizer), 40)
        for pair in ((0, 1), (1, 0))
    )
    assert one.fingerprint != other.fingerprint
