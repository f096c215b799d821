"""``scratchgpt exercise``: write a backward pass and have it checked."""

from pathlib import Path
from typing import Annotated

import typer

from scratchgpt.cli.completion import complete, exercises
from scratchgpt.cli.console import message, program, write_line, write_text
from scratchgpt.cli.outputs import NEW_FILE, refuse_existing

EPILOG = """Examples:

scratchgpt exercise

scratchgpt exercise attention

scratchgpt exercise attention --check attention.py

scratchgpt exercise layer_norm --mistake --out find_it.py

scratchgpt exercise attention --solution
"""


def exercise_command(
    name: Annotated[
        str | None,
        typer.Argument(
            help="The operation, such as attention. Without it, the exercises are listed.",
            show_default=False,
            autocompletion=complete(exercises),
        ),
    ] = None,
    check: Annotated[
        Path | None,
        typer.Option(
            help="The file with your backward pass. It is executed, and its gradients are compared "
            "with derivatives of its forward pass."
        ),
    ] = None,
    mistake: Annotated[
        bool,
        typer.Option("--mistake", help="Write a backward pass with a mistake, for you to find."),
    ] = False,
    solution: Annotated[bool, typer.Option("--solution", help="Print a solution.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(help=f"The file to write. {NEW_FILE}", show_default="NAME.py"),
    ] = None,
) -> None:
    """Write the backward pass of an operation yourself.

    The exercise is a Python file with the forward pass. The exit status is 1 if a gradient is
    wrong.
    """
    from scratchgpt.errors import UserError
    from scratchgpt.exercises import EXERCISES, find_exercise, stub, with_mistake
    from scratchgpt.exercises import solution as solution_of
    from scratchgpt.files import write_text as write_file

    wanted = {"--check": check is not None, "--mistake": mistake, "--solution": solution}
    chosen = [option for option, is_given in wanted.items() if is_given]
    if len(chosen) > 1:
        raise UserError(f"{chosen[0]} and {chosen[1]} exclude each other; use one of them")
    if out is not None and (check is not None or solution):
        raise UserError(f"--out: {chosen[0]} writes no file; omit --out")
    if name is None:
        if chosen or out is not None:
            raise UserError(f"{(chosen or ['--out'])[0]} needs an exercise; name it first")
        for each in EXERCISES.values():
            write_line(f"{each.name:14} {each.subject}")
        return
    exercise = find_exercise(name)
    if check is not None:
        _check(name, check)
    elif solution:
        write_text(solution_of(exercise))
    else:
        path = Path(f"{name}.py") if out is None else out
        refuse_existing(path)
        write_file(path, with_mistake(exercise) if mistake else stub(exercise))
        task = "find the mistake in" if mistake else "write"
        message(f"wrote {path}; {task} its backward, then")
        message(f"{program()} exercise {name} --check {path}")


def _check(name: str, path: Path) -> None:
    """Print the report, and a hint for each wrong gradient."""
    from scratchgpt.exercises import find_exercise, grade

    exercise = find_exercise(name)
    report = grade(exercise, path)
    if report.passed:
        write_text(f"{report}\n")
        write_line(f"{name}: right, worst relative error {report.worst_error:.0e}")
        return
    for line in str(report).splitlines():
        message(line)
    for row in report.inputs:
        if not row.passed:
            message(f"the gradient of {row.name} is wrong: {exercise.hints[row.name]}")
    raise typer.Exit(1)
