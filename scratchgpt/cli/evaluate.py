"""``scratchgpt eval``: how good a model is."""

from pathlib import Path
from typing import Annotated

import typer

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
    model: Annotated[Path, typer.Option("--model", "-m", help="Folder of a run or of a model.")],
    corpus: Annotated[
        list[str] | None,
        typer.Argument(
            help="Text to evaluate on; for a model that translates, sentence pairs as train takes "
            "them. Default: the validation part of the model's own corpus (the test part of "
            "multi30k), or the held-out problems of its task.",
            show_default=False,
        ),
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Rows per batch.")] = 16,
    beams: Annotated[int, typer.Option(min=1, help="Hypotheses per translation; 1 is greedy.")] = 4,
    alpha: Annotated[float, typer.Option(min=0.0, help="Length penalty of a translation.")] = 0.6,
    which: Annotated[
        Which | None,
        typer.Option(help="Checkpoint of a run.", show_default="average, or else best, or last"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    threads: Threads = None,
) -> None:
    """Measure loss and perplexity, exact match, or BLEU and chrF."""
    import json
    import sys

    from scratchgpt.cli.console import preparation_progress
    from scratchgpt.recipes import evaluate
    from scratchgpt.recipes.model_folder import find_model

    find_model(model, which and which.value)  # a wrong path shows before kernels are compiled
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
            tell=lambda text: print(text, file=sys.stderr),
        )
    print(json.dumps(evaluation.as_dict()) if as_json else evaluation)
