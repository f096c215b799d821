"""The recipe for generated tasks: the data of a run, and the score of its model."""

from types import SimpleNamespace

import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.recipes import TaskData, configure
from scratchgpt.recipes.evaluation import ExactMatchEvaluation
from scratchgpt.text import AdditionTask, SortTask

each_task = pytest.mark.parametrize("task", [AdditionTask(2), SortTask()], ids=lambda t: t.spec)


@pytest.fixture
def answering(monkeypatch):
    """Make every model answer with the rows of an array, in the order of the prompts."""

    def answer_with(answers):
        rows = iter(answers)

        def generate(model, prompts, **options):
            assert options["sampling"].temperature == 0
            return [SimpleNamespace(tokens=next(rows)) for _ in prompts]

        monkeypatch.setattr("scratchgpt.recipes.tasks.generate", generate)

    return answer_with


@each_task
def test_right_answers_match_exactly(task, answering):
    _, answers = task.problems("test")
    answering(answers)
    match = TaskData(task).match(None)
    assert (match.n, match.n_correct, match.failures) == (len(answers), len(answers), [])
    answering(answers)
    assert TaskData(task).evaluate(None) == {"exact_match": 1.0}


def test_one_wrong_symbol_makes_an_answer_wrong_and_is_shown(answering):
    task = AdditionTask(2)
    prompts, answers = task.problems("test")
    given = answers.copy()
    given[3, 1] = (given[3, 1] + 1) % 10
    answering(given)
    match = TaskData(task).match(None)
    [(wrong, right)] = match.failures
    prompt = task.tokenizer.decode(prompts[3])
    assert (wrong, right) == (
        prompt + task.tokenizer.decode(given[3]),
        prompt + task.tokenizer.decode(answers[3]),
    )
    shown = str(ExactMatchEvaluation(task.spec, "problems", match))
    assert shown.endswith(f"wrong          {wrong}, right: {right}")


def test_an_answer_with_tokens_outside_the_vocabulary_is_wrong(answering):
    task = SortTask()
    _, answers = task.problems("test")
    given = np.full_like(answers, task.vocab_size)  # a model may have a larger vocabulary
    given[:, 0] = task.tokenizer.end_of_text
    answering(given)
    match = TaskData(task).match(None)
    assert match.n_correct == 0
    assert all(wrong.endswith(">" + 6 * "\N{REPLACEMENT CHARACTER}") for wrong, _ in match.failures)


def test_the_context_fits_a_problem_unless_the_run_sets_it():
    task = SortTask()
    small = {"n_layer": 1, "n_head": 1, "n_embd": 8}
    data = TaskData(task)
    model = data.new_model(configure(task="sort", model=small))
    assert model.config.block_size == task.block_size
    longer = {**small, "block_size": 40}
    assert data.new_model(configure(task="sort", model=longer)).config.block_size == 40
    with pytest.raises(UserError, match="block_size=4 is too short for the task sort"):
        data.new_model(configure(task="sort", model={**small, "block_size": 4}))
