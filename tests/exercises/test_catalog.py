"""Each exercise has a right solution, and a mistake that the check finds."""

import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.exercises import EXERCISES, find_exercise, grade, solution, with_mistake

each = pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)


@each
def test_the_solution_is_right(exercise, tmp_path):
    path = tmp_path / "solution.py"
    path.write_text(solution(exercise), encoding="utf-8")
    report = grade(exercise, path)
    assert report.passed
    assert report.worst_error < 1e-13


@each
def test_the_mistake_makes_one_gradient_wrong(exercise, tmp_path):
    path = tmp_path / "mistake.py"
    path.write_text(with_mistake(exercise), encoding="utf-8")
    report = grade(exercise, path)
    assert len([row for row in report.inputs if not row.passed]) == 1
    assert report.violations == ()


@each
def test_every_gradient_has_a_hint_and_every_exercise_a_page(exercise, docs):
    for inputs in exercise.inputs:
        floating = {name for name, x in inputs.items() if x.dtype == np.float64}
        assert set(exercise.hints) == floating
    assert (docs / "ops" / f"{exercise.name}.md").is_file()


def test_an_unknown_exercise_is_refused_with_the_nearest():
    with pytest.raises(UserError, match="no exercise 'atention'; did you mean 'attention'"):
        find_exercise("atention")
