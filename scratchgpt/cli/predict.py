"""``scratchgpt predict``: predict the labels or scores of texts with a fine-tuned model."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scratchgpt.cli.console import message, one_line, write_json, write_text
from scratchgpt.cli.generate import Which
from scratchgpt.cli.kernels import Threads, prepare_kernels

if TYPE_CHECKING:
    from scratchgpt.finetuning import Prediction
    from scratchgpt.models import GPTClassifierConfig

EPILOG = """Examples:

scratchgpt predict --model runs/reviews "A film that I would see again."

scratchgpt predict --model runs/topics messages.txt --json

scratchgpt predict --model runs/nli new.csv

cat messages.txt | scratchgpt predict --model runs/topics
"""

EXAMPLES_AT_A_TIME = 1000  # so that the output of a long file appears gradually


def predict_command(
    model: Annotated[Path, typer.Option("--model", "-m", help="Folder of a run or model.")],
    text: Annotated[
        list[str] | None,
        typer.Argument(
            help="Texts; files with one example per line; - for the lines of standard input; or "
            ".csv, .tsv and .jsonl tables with the columns of the model. If an example has "
            "several texts, they are separated by tabs.",
            show_default="standard input",
        ),
    ] = None,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Print one JSON object per example, one per line: texts, label, score, "
            "probabilities.",
        ),
    ] = False,
    which: Annotated[
        Which | None,
        typer.Option(
            help="Checkpoint of the run.", show_default="the first of average, best, last"
        ),
    ] = None,
    threads: Threads = None,
) -> None:
    """Predict labels with a model that was fine-tuned on them.

    Prints one line per example: its label and the probability of the label, or its score, and its
    texts, separated by tabs.
    """
    from scratchgpt.errors import counted
    from scratchgpt.finetuning import TextClassifier
    from scratchgpt.recipes.model_folder import find_model

    directory = find_model(model, which and which.value)
    prepare_kernels(threads)
    classifier = TextClassifier.from_pretrained(directory)
    config = classifier.model.config
    examples = _read_examples(text or ["-"], config)
    for first in range(0, len(examples), EXAMPLES_AT_A_TIME):
        some = examples[first : first + EXAMPLES_AT_A_TIME]
        for texts, prediction in zip(some, classifier.predict(some), strict=True):
            _write(texts, prediction, config, as_json)
        if first + len(some) < len(examples):
            message(f"{first + len(some):,} of {len(examples):,}")
    if n := classifier.n_truncated:
        message(
            f"{counted(n, 'example')} longer than block_size={config.block_size} of the model; the "
            "ends of their texts were not read"
        )


def _read_examples(
    arguments: Sequence[str], config: "GPTClassifierConfig"
) -> list[tuple[str, ...]]:
    """Read the examples that arguments give, in their order."""
    from scratchgpt.cli.texts import read_texts
    from scratchgpt.errors import UserError, counted
    from scratchgpt.finetuning.examples import read_texts_of
    from scratchgpt.text.tables import is_table, read_columns

    examples: list[tuple[str, ...]] = []
    for argument in arguments:
        path = Path(argument)
        if is_table(path) and path.is_file():
            examples += read_texts_of(read_columns(path, config.columns), config, argument)
            continue
        found = read_texts([argument])
        for text, place in zip(found.texts, found.places, strict=True):
            texts = tuple(text.split("\t")) if len(config.columns) > 1 else (text,)
            if len(texts) != len(config.columns) or not all(each.strip() for each in texts):
                raise UserError(
                    f"{place} has {counted(sum(map(bool, map(str.strip, texts))), 'text')}, not "
                    f"{len(config.columns)} separated by tabs: {', '.join(config.columns)}"
                )
            examples.append(texts)
    return examples


def _write(
    texts: tuple[str, ...], prediction: "Prediction", config: "GPTClassifierConfig", as_json: bool
) -> None:
    """Print the prediction of one example."""
    if as_json:
        record = {
            "texts": dict(zip(config.columns, texts, strict=True)),
            "label": prediction.label,
            "score": prediction.score,
            "probabilities": prediction.probabilities,
        }
        write_json(record)
        return
    said = [] if prediction.label is None else [one_line(prediction.label)]
    cells = [*said, f"{prediction.score:.3f}", *map(one_line, texts)]
    write_text("\t".join(cells) + "\n")
