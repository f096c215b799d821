"""``scratchgpt classify``: sort texts into classes that no example was given for."""

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scratchgpt.cli.console import message, one_line, write_json, write_line, write_text
from scratchgpt.cli.generate import Which
from scratchgpt.cli.kernels import Threads, prepare_kernels

if TYPE_CHECKING:
    from scratchgpt.cli.texts import Texts
    from scratchgpt.zero_shot import Classification, Classifier

EPILOG = """Examples:

scratchgpt classify -m runs/news --label sports --label "business: companies, stocks" news.txt

scratchgpt classify -m runs/news -l sports -l business --threshold 0.6 "Shares fell on Monday."

scratchgpt classify -m runs/news -l sports -l business --gold topic --column title news.csv

scratchgpt classify -m models/gpt2 --by likelihood -l good -l bad \
--template "Review: {text} It was {}" "I would see it again."

cat letters.txt | scratchgpt classify -m runs/news -l bill -l greeting --json
"""

TEXTS_AT_A_TIME = 1000  # so that the output of a long file appears gradually
NONE = "none of them"
LOWEST = 0.5  # the default threshold if each label is judged alone


class By(StrEnum):
    """How labels are scored."""

    embedding = "embedding"
    likelihood = "likelihood"


class Norm(StrEnum):
    """How the likelihoods of labels are made comparable."""

    none = "none"
    tokens = "tokens"
    bytes = "bytes"
    pmi = "pmi"


def classify_command(
    model: Annotated[Path, typer.Option("--model", "-m", help="Folder of a run or model.")],
    label: Annotated[
        list[str],
        typer.Option(
            "--label",
            "-l",
            metavar="LABEL",
            help="A label, or `LABEL: DESCRIPTION`; give the option once for each.",
        ),
    ],
    text: Annotated[
        list[str] | None,
        typer.Argument(
            help="Texts, files with one text per line, or - for the lines of standard input.",
            show_default="standard input",
        ),
    ] = None,
    by: Annotated[
        By,
        typer.Option(
            help="Score labels by the similarity of embeddings (the model is an encoder) or by "
            "likelihood (the model is a language model)."
        ),
    ] = By.embedding,
    template: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TEMPLATE",
            help="Sentence with {} in place of the label. By embedding, repeat the option to "
            "average several. By likelihood, {text} is the place of the text, and \\n a line "
            "break.",
            show_default="This example is {}.",
        ),
    ] = None,
    multi_label: Annotated[
        bool,
        typer.Option(
            "--multi-label",
            help="Judge each label alone, and print all labels that reach the threshold.",
        ),
    ] = False,
    threshold: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            max=1.0,
            help=f'If no score reaches this number, the answer is "{NONE}".',
            show_default=f"0; {LOWEST} with --multi-label",
        ),
    ] = None,
    norm: Annotated[
        Norm | None,
        typer.Option(
            help="By likelihood: divide by the tokens or bytes of the label, or subtract its "
            "log-probability without the text (pmi).",
            show_default="pmi",
        ),
    ] = None,
    calibrate: Annotated[
        bool,
        typer.Option(
            "--calibrate", help="Correct the preference for labels after texts without content."
        ),
    ] = False,
    column: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Read the texts from this column of .csv, .tsv or .jsonl tables.",
            show_default="text, if --gold is given",
        ),
    ] = None,
    gold: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Column of the tables with the right labels; the accuracy is printed at the end.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Print one JSON object per text, one per line: sequence, labels, scores, ties, "
            "answer.",
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
    """Sort texts into classes without examples.

    Prints one line per text: its label, the score and the text, separated by tabs. The order of the
    labels changes no score.
    """
    from scratchgpt.cli.texts import read_table, read_texts
    from scratchgpt.recipes.model_folder import find_model
    from scratchgpt.zero_shot import Classifier
    from scratchgpt.zero_shot.classify import TEMPLATE
    from scratchgpt.zero_shot.labels import parse_labels, parse_templates

    if gold is not None and multi_label:
        raise typer.BadParameter(
            "cannot be used with --multi-label: a text has one right label", param_hint="--gold"
        )
    templates = [each.replace("\\n", "\n") for each in template or [TEMPLATE]]
    parse_labels(label)  # fail before anything is loaded
    parse_templates(templates)
    if column is not None or gold is not None:
        texts = read_table(text or [], column or "text", gold)
    else:
        texts = read_texts(text or [])
    directory = find_model(model, which and which.value)
    prepare_kernels(threads)
    classifier = Classifier(
        label,
        model=directory,
        hypothesis_template=templates,
        multi_label=multi_label,
        by=by.value,
        norm=norm and norm.value,
        calibrate=calibrate,
    )
    if threshold is None:
        threshold = LOWEST if multi_label else 0.0
    answers, first_tie, n_ties = [], "", 0
    for result, place in _classify(classifier, texts):
        answer = _write(result, threshold, multi_label, as_json)
        answers.append(answer)
        if any(result["labels"][0] in group for group in result["ties"]):
            n_ties, first_tie = n_ties + 1, first_tie or place
    _tell(classifier, len(answers), n_ties, first_tie)
    if gold is not None:
        _write_accuracy([a[0] if a else None for a in answers], texts.gold, label, as_json)


def _classify(classifier: "Classifier", texts: "Texts") -> "Iterator[tuple[Classification, str]]":
    """Yield the result of each text with its place."""
    n_texts = len(texts.texts)
    for first in range(0, n_texts, TEXTS_AT_A_TIME):
        some = slice(first, first + TEXTS_AT_A_TIME)
        yield from zip(classifier(texts.texts[some]), texts.places[some], strict=True)
        if some.stop < n_texts:
            message(f"{some.stop:,} of {n_texts:,}")


def _write(
    result: "Classification", threshold: float, multi_label: bool, as_json: bool
) -> list[str]:
    """Print the result of one text; return the answer."""
    from scratchgpt.zero_shot import best_labels

    answer = best_labels(result, threshold=threshold, multi_label=multi_label)
    if as_json:
        one: Any = answer if multi_label else answer[0] if answer else None
        write_json({**result, "answer": one})
    else:
        scores = result["scores"][: max(1, len(answer))]  # of the answer, or else the highest
        shown = ", ".join(f"{score:.3f}" for score in scores)
        write_text(f"{', '.join(answer) or NONE}\t{shown}\t{one_line(result['sequence'])}\n")
    return answer


def _tell(classifier: "Classifier", n_texts: int, n_ties: int, first_tie: str) -> None:
    """Print what a person should know about the results."""
    from scratchgpt.errors import counted
    from scratchgpt.zero_shot.classify import truncation

    if n := classifier.n_truncated:
        message(truncation(n, n_texts))
    if n_ties:
        message(
            f"{counted(n_ties, 'text')} with several best labels, the first {first_tie}: the label "
            "given first is printed; --json lists all"
        )


def _write_accuracy(
    answers: list[str | None], gold: list[str], labels: list[str], as_json: bool
) -> None:
    """Print the accuracy beside that of always answering the most frequent label."""
    from scratchgpt.errors import counted
    from scratchgpt.evaluation import majority
    from scratchgpt.zero_shot.labels import parse_labels

    names = {label.name for label in parse_labels(labels)}
    # If the right label was not given, the right answer is none of them.
    right = [label if label in names else None for label in gold]
    n_correct = sum(a == g for a, g in zip(answers, right, strict=True))
    if n := sum(label is None for label in right):
        message(
            f"{counted(n, 'text')} with a right label that is not among the labels given; the "
            f'right answer is then "{NONE}"'
        )
    accuracy, most = n_correct / len(gold), majority(gold)
    if as_json:
        baseline = {"label": most.label, "accuracy": most.fraction}
        write_json({"n": len(gold), "accuracy": accuracy, "majority": baseline})
    else:
        write_line(
            f"accuracy {accuracy:.1%} of {counted(len(gold), 'text')}; always answering "
            f"{most.label!r}: {most.fraction:.1%}"
        )
