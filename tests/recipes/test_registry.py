from dataclasses import replace

import pytest

from scratchgpt.errors import UserError
from scratchgpt.recipes import RECIPES, TaskData, configure, evaluate, find_recipe, train
from scratchgpt.text import TASKS, SortTask
from scratchgpt.training import NextToken


def test_every_generated_task_has_a_recipe():
    assert set(TASKS) <= set(RECIPES)
    assert all(RECIPES[task].makes_data for task in TASKS)


def test_a_task_may_have_sizes():
    assert find_recipe("addition:3") is RECIPES["addition"]
    assert find_recipe(None) is RECIPES[None]


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ("additon", "there is no task 'additon'; did you mean 'addition'"),
        ("xyz", "there is no task 'xyz'; choose one of addition, sort, translation"),
        (3, "task=3 must be a string"),
    ],
)
def test_an_unknown_task_is_refused(task, message):
    with pytest.raises(UserError, match=message):
        find_recipe(task)


class SmoothedData(TaskData):
    """Sorting, with its own objective and a score for which higher is better."""

    def objective(self, run, model):
        return NextToken(model, label_smoothing=0.5)

    def evaluate(self, model):
        return {"right": self.match(model).fraction}


def test_a_new_kind_of_training_is_one_entry(monkeypatch, tmp_path):
    recipe = replace(
        RECIPES["sort"],
        defaults=lambda corpus: {
            "model": {"n_layer": 1, "n_head": 1, "n_embd": 8},
            "training": {"steps": 2, "best": "right", "best_mode": "max"},
        },
        open=lambda run, progress: SmoothedData(SortTask(5, 3)),
    )
    monkeypatch.setitem(RECIPES, "smoothed", replace(recipe, evaluate_run=_score))
    run = configure(task="smoothed", training={"seed": 5})
    result = train(run, tmp_path / "run")
    assert 0 <= result.best_value <= 1
    assert list(result.measures) == ["right"]
    assert evaluate(tmp_path / "run", which="last") == result.measures["right"]


def _score(model, tokenizer, run, settings, watcher):
    return SmoothedData(SortTask(5, 3)).match(model).fraction
