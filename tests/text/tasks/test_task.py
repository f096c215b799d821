import numpy as np
import pytest

from scratchgpt.backend import random_stream
from scratchgpt.errors import UserError
from scratchgpt.text import AdditionTask, SortTask, task_from_spec

SMALL = [AdditionTask(1), AdditionTask(2), SortTask(), SortTask(5, 4)]
LARGE = [AdditionTask(3), AdditionTask(9), SortTask(10), SortTask(62, 2)]

each_task = pytest.mark.parametrize("task", SMALL + LARGE, ids=lambda task: task.spec)


def rows_of(prompts):
    return {row.tobytes() for row in prompts}


def drawn_prompts(task, n_batches=20, seed=0):
    batches = task.batches(64, seed)
    tokens = [batches.train_batch(index)[0] for index in range(n_batches)]
    return np.concatenate(tokens)[:, : task.prompt_length]


@each_task
def test_no_training_problem_is_a_test_problem(task):
    test = rows_of(task.problems("test")[0])
    assert test
    assert not test & rows_of(task.problems("train")[0])
    assert not test & rows_of(drawn_prompts(task))


@pytest.mark.parametrize("task", SMALL, ids=lambda task: task.spec)
def test_every_problem_of_a_small_task_is_listed_once(task):
    prompts = np.concatenate([task.problems(split)[0] for split in ("train", "test")])
    assert len(prompts) == len(rows_of(prompts)) == task.n_problems


@pytest.mark.parametrize("task", LARGE, ids=lambda task: task.spec)
def test_the_listed_sample_of_a_large_task_is_deterministic(task):
    prompts, answers = task.problems("test")
    assert len(rows_of(prompts)) == len(prompts)
    assert 1500 < len(prompts) < 2500
    again = task_from_spec(task.spec).problems("test")
    np.testing.assert_array_equal(prompts, again[0])
    np.testing.assert_array_equal(answers, again[1])


@pytest.mark.parametrize("task", [AdditionTask(2), *LARGE], ids=lambda task: task.spec)
def test_one_problem_in_ten_is_for_testing(task):
    numbers = random_stream(0, "numbers").integers(0, task.n_problems, 20_000)
    # Only half of the 10,000 pairs of summands are independent, so allow twice the deviation.
    assert abs(task.is_test(numbers).mean() - 0.1) < 5 * 2 * (0.1 * 0.9 / 20_000) ** 0.5


def test_training_draws_all_training_problems():
    task = AdditionTask(1)
    assert rows_of(drawn_prompts(task)) == rows_of(task.problems("train")[0])


def test_a_training_batch_depends_on_seed_and_index_alone():
    task = AdditionTask(2)
    expected = [task.batches(8, seed=3).train_batch(index) for index in range(3)]
    batches = task.batches(8, seed=3)
    for index in (2, 0, 1):
        np.testing.assert_array_equal(batches.train_batch(index), expected[index])
    different = [expected[0][0], expected[1][0], task.batches(8, seed=4).train_batch(0)[0]]
    assert len({tokens.tobytes() for tokens in different}) == 3


@each_task
def test_only_the_answer_and_the_end_are_targets(task):
    tokens, targets = task.batches(7, seed=0).train_batch(0)
    assert tokens.dtype == targets.dtype == np.int64
    assert tokens.shape == targets.shape == (7, task.block_size)
    n_prompt = task.prompt_length - 1  # its last token predicts the first of the answer
    assert (targets[:, :n_prompt] == -100).all()
    np.testing.assert_array_equal(targets[:, n_prompt:-1], tokens[:, task.prompt_length :])
    assert (targets[:, -1] == task.tokenizer.end_of_text).all()
    assert tokens.max() < task.tokenizer.end_of_text == task.vocab_size - 1


def test_validation_has_each_test_problem_once_and_in_order():
    task = SortTask()
    prompts, answers = task.problems("test")
    batches = list(task.batches(10, seed=0).validation_batches())
    assert {len(tokens) for tokens, _ in batches[:-1]} == {10}
    tokens = np.concatenate([tokens for tokens, _ in batches])
    np.testing.assert_array_equal(tokens, np.concatenate([prompts, answers], axis=1))


def test_some_validation_batches_are_spread_evenly():
    task = AdditionTask(2)
    batches = [tokens for tokens, _ in task.batches(4, 0, val_batches=2).validation_batches()]
    assert [len(tokens) for tokens in batches] == [4, 4]
    prompts, _ = task.problems("test")
    places = np.arange(8) * len(prompts) // 8
    np.testing.assert_array_equal(np.concatenate(batches)[:, : task.prompt_length], prompts[places])


def test_more_validation_batches_than_there_are_give_all():
    task = SortTask()
    batches = list(task.batches(10, 0, val_batches=1000).validation_batches())
    assert sum(len(tokens) for tokens, _ in batches) == len(task.problems("test")[0])


def test_a_problem_and_its_answer_are_shown_as_one_text():
    task = AdditionTask(2)
    texts = task.texts(*task.problems("train"))
    assert "99+99=891" in texts
    assert len(texts) == len(task.numbers("train"))


def test_tokens_that_are_not_characters_can_be_shown():
    task = SortTask()
    prompts, answers = task.problems("test")
    given = np.full_like(answers, task.vocab_size)  # a model may have a larger vocabulary
    given[:, 0] = task.tokenizer.end_of_text
    texts = task.texts(prompts, given)
    assert all(text.endswith(">" + 6 * "\N{REPLACEMENT CHARACTER}") for text in texts)


def test_an_unknown_split_is_refused():
    with pytest.raises(UserError, match=r"^split='tests' must be .*; did you mean 'test'\?$"):
        SortTask().problems("tests")


@pytest.mark.parametrize("sizes", [{"batch_size": 0}, {"batch_size": 2, "val_batches": 0}])
def test_sizes_below_one_are_refused(sizes):
    with pytest.raises(UserError, match="=0 must be at least 1"):
        SortTask().batches(**sizes, seed=0)
