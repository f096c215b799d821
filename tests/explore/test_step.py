"""The step of a run: its row, cropped, and its tokens as they are spelled."""

import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.explore.demo import demo_steps
from scratchgpt.explore.step import first_row, speller, step_of_run
from scratchgpt.text import CharacterTokenizer, PairBatch, TokenBatch
from scratchgpt.training import TrainConfig
from scratchgpt.training.step import Stepper


def token_batch(targets):
    targets = np.array(targets)
    return TokenBatch(np.arange(targets.size).reshape(targets.shape), targets)


def test_the_first_row_is_cropped_and_the_page_says_so():
    row, notes = first_row(token_batch([[5] * 9, [6] * 9]), 4)
    np.testing.assert_array_equal(row.tokens, [[0, 1, 2, 3]])
    assert notes == [
        "The row has 9 tokens; the page shows those from 1 to 4. Loss and gradients are of these."
    ]


def test_a_row_that_fits_has_no_padding_and_no_note():
    row, notes = first_row(token_batch([[-100, 5, 6, -100, -100]]), 16)
    np.testing.assert_array_equal(row.targets, [[-100, 5, 6]])
    assert notes == []


def test_a_row_whose_targets_begin_late_is_cropped_to_end_with_one():
    row, notes = first_row(token_batch([[-100] * 6 + [7, 8]]), 4)
    np.testing.assert_array_equal(row.targets, [[-100, -100, -100, 7]])
    assert "from 4 to 7" in notes[0]


def test_the_padding_of_a_source_is_cropped():
    batch = PairBatch(np.array([[3, 4, 9, 9, 9]]), np.array([[1, 2]]), np.array([[2, 1]]))
    row, notes = first_row(batch, 16)
    np.testing.assert_array_equal(row.source, [[3, 4, 9]])
    assert notes == []
    row, notes = first_row(batch, 2)
    np.testing.assert_array_equal(row.source, [[3, 4]])
    assert notes == ["The source has 3 tokens; the page shows the first 2."]


def test_special_tokens_have_names():
    tokenizer = CharacterTokenizer("ab", end_of_text=True)
    spell = speller(tokenizer)
    assert [spell(t) for t in range(4)] == ["a", "b", "⟨end⟩", "⟨3⟩"]


def test_the_demo_is_reproducible_and_starts_from_its_own_beginning():
    (first, start), (second, _) = demo_steps(steps=2), demo_steps(steps=2)
    np.testing.assert_array_equal(first.model.store.values, second.model.store.values)
    assert not np.array_equal(first.model.store.values, start.model.store.values)
    assert first.batch is start.batch
    assert first.optimizer.n_steps == 2
    assert start.optimizer is None


def test_other_objectives_are_refused(make_step):
    step = make_step("gpt")

    class Loss:
        model = step.model
        splits, drops = True, False

    stepper = Stepper(step.objective, None, TrainConfig(steps=2))
    stepper.objective = Loss()
    with pytest.raises(UserError, match=r"a step of Loss cannot be shown.*name the folder"):
        step_of_run(stepper, 0, CharacterTokenizer("ab"), "title")
