"""``scratchgpt zero-shot``: recognize classes without examples, from their attributes."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scratchgpt.cli.console import message
from scratchgpt.cli.forecast_output import refuse_other_format, save
from scratchgpt.cli.outputs import NEW_FILE, refuse_existing

if TYPE_CHECKING:
    from scratchgpt.zero_shot.attributes.evaluate import Result
    from scratchgpt.zero_shot.attributes.task import AttributeTask

EPILOG = """Examples:

scratchgpt zero-shot

scratchgpt zero-shot --out animals.png

scratchgpt zero-shot --seed 3 --json

scratchgpt zero-shot data/AWA2 --raw
"""


def zero_shot_command(
    folder: Annotated[
        Path | None,
        typer.Argument(
            help="Folder with res101.mat (features) and att_splits.mat (attributes and splits). "
            "Without it, the task is to recognize drawn animals.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[
        int,
        typer.Option(min=0, help="Random seed for the pictures and the held-out classes."),
    ] = 0,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Save a sheet of the drawn animals (png, svg, pdf) instead of printing some as "
            f"characters. {NEW_FILE}",
            show_default=False,
        ),
    ] = None,
    raw: Annotated[
        bool,
        typer.Option(
            "--raw", help="Use the features of the folder as they are, without standardizing them."
        ),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print all results as one JSON object.")
    ] = False,
) -> None:
    """Recognize classes without examples, from their attributes.

    DAP, IAP and ESZSL learn from seen classes, and are tested on unseen ones. Two floors are
    printed beside them. All constants are chosen on held-out classes.
    """
    from scratchgpt.cli.zero_shot_output import animals_record, record, write, write_animals

    if folder is None and raw:
        _refuse("--raw is about the features of a folder; name one", "--raw")
    if folder is not None and out is not None:
        _refuse("draws the animals, and a folder has no pictures; leave one out", "--out")
    refuse_other_format(out)
    refuse_existing(out)
    if folder is not None:
        from scratchgpt.zero_shot.attributes.splits import read_attribute_task

        message(f"reading {folder}")
        task = read_attribute_task(folder, standardize=not raw)
        results = _evaluate(task, seed)
        if as_json:
            record(task, results, {"source": str(folder), "seed": seed, "raw": raw})
        else:
            write(task, results)
        return

    from scratchgpt.zero_shot.animals.sheet import draw_sheet
    from scratchgpt.zero_shot.animals.task import animal_task

    if out is not None:
        save(draw_sheet(seed), out)
    animals = animal_task(seed)
    results = _evaluate(animals.task, seed)
    if as_json:
        animals_record(animals, results, seed)
    else:
        write_animals(animals, results, draw=out is None)


def _evaluate(task: "AttributeTask", seed: int) -> "list[Result]":
    from scratchgpt.zero_shot.attributes.evaluate import evaluate

    results = []
    for result in evaluate(task, seed):
        message(f"{result.name}: {result.accuracy:.1%} of the unseen classes")
        results.append(result)
    return results


def _refuse(text: str, option: str) -> None:
    raise typer.BadParameter(text, param_hint=option)
