"""``scratchgpt contrastive``: train an encoder of texts on pairs."""

from pathlib import Path
from typing import Annotated

import typer

from scratchgpt.cli.kernels import Threads, prepare_kernels
from scratchgpt.cli.options import (
    OF_CHAT,
    OF_FINETUNE,
    AsJson,
    ConfigFile,
    Resume,
    add_options,
    by_section,
)
from scratchgpt.cli.workers import Shards, WorkerCount, joined

EPILOG = """Examples:

scratchgpt contrastive python-code --out runs/code

scratchgpt contrastive pairs.tsv --out runs/mine

scratchgpt contrastive questions.txt answers.txt --init runs/first --out runs/answers

scratchgpt contrastive notes/ --batch-size 256 --dims 64 --dims 32 --out runs/notes

scratchgpt contrastive --out runs/mine --resume --steps 2000
"""


def contrastive_command(
    pairs: Annotated[
        list[str] | None,
        typer.Argument(
            help="Pairs of texts: a .tsv (query, document, hard negatives), a .jsonl (query and "
            "document, title and body, question and answer), two files with one text per line, a "
            "folder of texts (neighboring paragraphs), or python-code (the docstrings and the "
            "functions of this Python and its packages; python-code:stdlib without packages).",
            show_default=False,
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for checkpoints, metrics and curves.")] = Path(
        "runs/encoder"
    ),
    config: ConfigFile = None,
    resume: Resume = False,
    as_json: AsJson = False,
    threads: Threads = None,
    workers: WorkerCount = None,
    shard_optimizer: Shards = False,
    **settings: object,
) -> None:
    """Train an encoder: related texts get vectors that are close.

    Each query must find its document among all documents of its batch, so a larger --batch-size is
    a harder task and usually gives a better encoder. It needs no more memory: the texts are
    encoded in micro-batches of --tokens-per-batch tokens, and encoded again in the backward pass.

    With --init, training starts from a GPT or an encoder. The config.toml in --out lists all
    settings. `scratchgpt eval` compares the encoder with BM25 on pairs that were held out.
    """
    from scratchgpt.cli.training_run import resolve_run, train_run

    given = {**by_section(settings), "task": "contrastive"}
    with joined(workers, threads, shards=shard_optimizer) as group:
        run = resolve_run(given, pairs, config, out if resume else None, group)
        prepare_kernels(threads, run.training.precision, group)
        train_run(run, out, resume=resume, as_json=as_json, workers=group)


add_options(
    contrastive_command,
    without=(
        "task",
        "device",
        "label_smoothing",
        "grad_accum",
        "tied_head",
        *OF_CHAT,
        *OF_FINETUNE,
    ),
    task="contrastive",
)
