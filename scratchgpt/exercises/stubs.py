"""The texts of an exercise: the stub, the solution, and the solution with a mistake in it."""

import ast
import inspect

from scratchgpt.exercises.catalog import Exercise

EMPTY = 'raise NotImplementedError("write the backward pass")'


def solution(exercise: Exercise) -> str:
    """Return the source of the forward and of a right backward."""
    return inspect.getsource(exercise.module)


def stub(exercise: Exercise) -> str:
    """Return the source with a backward that is still empty.

    It keeps the forward, the docstring of the backward and the line that unpacks ``saved``.
    """
    source = solution(exercise)
    lines = source.splitlines()
    function = _backward(source)
    kept = function.body[0].end_lineno
    for statement in function.body[1:2]:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.value) == "saved":
            kept = statement.end_lineno
    body = "\n".join(lines[:kept])
    return _headed(exercise, f"{body}\n    {EMPTY}\n", "Write the body of ``backward``.")


def with_mistake(exercise: Exercise) -> str:
    """Return the source with a mistake in its backward, and no comments that give it away."""
    source = solution(exercise)
    right, wrong = exercise.mistake
    lines = source.replace(right, wrong).splitlines()
    first = _backward(source).body[0].end_lineno or 0
    lines[first:] = [line.partition("  # ")[0] for line in lines[first:]]
    text = "\n".join(lines) + "\n"
    return _headed(exercise, text, "There is a mistake in ``backward``. Find it.")


def _backward(source: str) -> ast.FunctionDef:
    functions = (node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef))
    return next(node for node in functions if node.name == "backward")


def _headed(exercise: Exercise, source: str, task: str) -> str:
    """Put the task and the command that checks it into the docstring of the module."""
    first, _, rest = source.partition("\n")
    opening = first.removesuffix('"""')
    command = f"scratchgpt exercise {exercise.name} --check {exercise.name}.py"
    return f'{opening}\n\n{task} Then check it:\n\n    {command}\n"""\n{rest}'
