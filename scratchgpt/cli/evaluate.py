"""``scratchgpt eval``: evaluate a model."""

from pathlib import Path
from typing import Annotated

import typer

from scratchgpt.cli.console import message, preparation_progress, write_json, write_line
from scratchgpt.cli.generate import Which
from scratchgpt.cli.kernels import Threads, prepare_kernels

EPILOG = """Examples:

scratchgpt eval --model runs/first

scratchgpt eval --model runs/first other.txt --json

scratchgpt eval --model runs/addition

scratchgpt eval --model runs/de-en --beams 4

scratchgpt eval --model runs/de-en other.de other.en --json
"""


def eval_command(
    model: Annotated[Path, typer.Option("--model", "-m", help="Folder of a run or model.")],
    corpus: Annotated[
        list[str] | None,
        typer.Argument(
            help="Text to evaluate on, or sentence pairs for a translation model, in the same "
            "forms as for `scratchgpt train`. Default: the data that the model's run held out "
            "(the validation part of its corpus, the test part of multi30k, or the test problems "
            "of its task).",
            show_default=False,
        ),
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Rows per batch.")] = 16,
    beams: Annotated[
        int, typer.Option(min=1, help="Beam width for translations; 1 is greedy search.")
    ] = 4,
    alpha: Annotated[
        float,
        typer.Option(min=0.0, help="Length penalty for translations; higher prefers longer ones."),
    ] = 0.6,
    which: Annotated[
        Which | None,
        typer.Option(
            help="Checkpoint of the run.", show_default="the first of average, best, last"
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    threads: Threads = None,
) -> None:
    """Evaluate a model: perplexity, exact match, or BLEU and chrF.

    Language models are scored by loss and perplexity, tasks by exact match, and translation models
    by BLEU and chrF (dates by exact match).
    """
    from scratchgpt.recipes import evaluate
    from scratchgpt.recipes.model_folder import find_model

    find_model(model, which and which.value)  # fail on a wrong path before compiling kernels
    prepare_kernels(threads)
    with preparation_progress() as progress:
        evaluation = evaluate(
            model,
            corpus or (),
            which=which and which.value,
            batch_size=batch_size,
            beams=beams,
            alpha=alpha,
            progress=progress,
            report=message,
        )
    if as_json:
        write_json(evaluation.as_dict())
        return
    for line in str(evaluation).splitlines():
        write_line(line)
