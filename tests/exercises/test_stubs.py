"""What is written for the reader: a whole forward, an empty backward, and the next command."""

import ast

import pytest

from scratchgpt.exercises import EXERCISES, solution, stub, with_mistake

each = pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)


def function(source, name):
    return next(n for n in ast.parse(source).body if getattr(n, "name", "") == name)


@each
def test_the_stub_has_the_forward_and_an_empty_backward(exercise):
    source = stub(exercise)
    expected = ast.unparse(function(solution(exercise), "forward"))
    assert ast.unparse(function(source, "forward")) == expected
    backward = function(source, "backward")
    assert ast.get_docstring(backward).startswith("Return d")
    assert isinstance(backward.body[-1], ast.Raise)
    assert len(backward.body) <= 3


@each
def test_both_files_say_what_to_do_and_how_to_check_it(exercise):
    command = f"scratchgpt exercise {exercise.name} --check {exercise.name}.py"
    for source, task in (
        (stub(exercise), "Write the body of ``backward``."),
        (with_mistake(exercise), "There is a mistake in ``backward``. Find it."),
    ):
        docstring = ast.get_docstring(ast.parse(source))
        assert docstring.startswith(exercise.subject)
        assert task in docstring
        assert command in docstring


@each
def test_the_mistake_is_in_the_backward_and_no_comment_shows_it(exercise):
    right, wrong = exercise.mistake
    assert solution(exercise).count(right) == 1
    source = with_mistake(exercise)
    assert wrong in ast.get_source_segment(source, function(source, "backward"))
    assert "#" not in ast.get_source_segment(source, function(source, "backward"))
    assert ast.unparse(function(source, "forward")) == ast.unparse(
        function(solution(exercise), "forward")
    )
