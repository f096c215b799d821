"""``scratchgpt finetune``: train a GPT on texts with labels or scores."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from scratchgpt.cli.kernels import Threads, prepare_kernels
from scratchgpt.cli.options import (
    OF_CHAT,
    OF_CONTRASTIVE,
    AsJson,
    ConfigFile,
    Resume,
    add_options,
    by_section,
)
from scratchgpt.cli.workers import Shards, WorkerCount, joined

EPILOG = """Examples:

scratchgpt finetune reviews.csv --init runs/first --out runs/reviews

scratchgpt finetune train.csv test.csv --columns message --label-column topic --out runs/topics

scratchgpt finetune nli.jsonl --task entailment --init models/gpt2 --out runs/nli

scratchgpt finetune pairs.tsv --task similarity --label-column score --out runs/pairs

scratchgpt finetune copa.csv --task choice --columns premise --columns first --columns second \
--out runs/copa

scratchgpt finetune reviews.csv --init runs/first --freeze transformer --out runs/probe

scratchgpt finetune --out runs/reviews --resume --epochs 6
"""


class Task(StrEnum):
    """The problems that a GPT is fine-tuned on."""

    classification = "classification"
    entailment = "entailment"
    paraphrase = "paraphrase"
    similarity = "similarity"
    choice = "choice"


def finetune_command(
    tables: Annotated[
        list[str] | None,
        typer.Argument(
            help="A .csv, .tsv or .jsonl with named columns, of which --val-fraction is held out; "
            "or two: for training and for validation.",
            show_default=False,
        ),
    ] = None,
    task: Annotated[
        Task | None,
        typer.Option(
            help="classification (one text), entailment (two, in this order), paraphrase (two, in "
            "either order), similarity (two, with a score) or choice (a context and several "
            "texts).",
            show_default="classification",
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for checkpoints, metrics and curves.")] = Path(
        "runs/labels"
    ),
    config: ConfigFile = None,
    resume: Resume = False,
    as_json: AsJson = False,
    threads: Threads = None,
    workers: WorkerCount = None,
    shard_optimizer: Shards = False,
    **settings: object,
) -> None:
    """Fine-tune a model on your labels, as GPT-1 was.

    The table needs the column label, and columns for the texts: text (classification), premise and
    hypothesis (entailment), sentence1 and sentence2 (paraphrase and similarity), or context,
    choice1 and choice2 (choice). --columns, once for each, and --label-column choose others.

    With --init, training starts from a GPT, which almost always gives a better model. The
    config.toml in --out lists all settings. `scratchgpt eval` compares the model with the most
    frequent label and naive Bayes on examples that were held out.
    """
    from scratchgpt.cli.training_run import resolve_run, train_run
    from scratchgpt.errors import UserError
    from scratchgpt.models import PROBLEMS

    given = by_section(settings)
    if task is not None:
        given["task"] = task.value
    elif config is None and not resume:
        given["task"] = Task.classification.value
    with joined(workers, threads, shards=shard_optimizer) as group:
        run = resolve_run(given, tables, config, out if resume else None, group)
        if run.task not in PROBLEMS:
            kind = "a language model" if run.task is None else f"the task {run.task}"
            raise UserError(f"this run is {kind}; use scratchgpt train, or set --task")
        prepare_kernels(threads, run.training.precision, group)
        train_run(run, out, resume=resume, as_json=as_json, workers=group)


add_options(
    finetune_command,
    without=(
        *("task", "device", "label_smoothing", "tokens_per_batch", *OF_CHAT, *OF_CONTRASTIVE),
        *("n_encoder_layer", "n_decoder_layer"),
    ),
    task="classification",
)
