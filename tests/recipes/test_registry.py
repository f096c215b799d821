import pytest

from scratchgpt.errors import UserError
from scratchgpt.recipes import RECIPES, find_recipe
from scratchgpt.text import TASKS


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
