"""``scratchgpt train``: train a model on text."""

from pathlib import Path
from typing import Annotated

import typer

from scratchgpt.cli.kernels import Threads, prepare_kernels
from scratchgpt.cli.options import (
    OF_CHAT,
    OF_CONTRASTIVE,
    OF_FINETUNE,
    AsJson,
    ConfigFile,
    Resume,
    add_options,
    by_section,
)
from scratchgpt.cli.workers import Shards, WorkerCount, joined

EPILOG = """Examples:

scratchgpt train python-docs --out runs/first

scratchgpt train novel.txt notes/ --tokenizer bpe:2000 --out runs/mine

scratchgpt train --config examples/addition.toml --out runs/addition

scratchgpt train --config run.toml --lr 3e-4 --out runs/mine

scratchgpt train --task translation dates --out runs/dates

scratchgpt train --task translation multi30k:de-en --out runs/de-en

scratchgpt train --task translation mine.de mine.en --tokenizer bpe:4000 --out runs/mine

scratchgpt train novel.txt --init models/gpt2 --freeze wte,wpe --out runs/mine

scratchgpt train novel.txt --preset gpt2 --tokenizer bpe:8000 --precision bf16 --out runs/mine

scratchgpt train --out runs/mine --resume --steps 10000
"""


def train_command(
    corpus: Annotated[
        list[str] | None,
        typer.Argument(
            help="Text files, folders, globs, - for standard input, or the name of a corpus "
            "(python-docs, python-code, tinyshakespeare). For translation: two files with one "
            "sentence per line, a .tsv, a .jsonl, multi30k (multi30k:en-de for the other "
            "direction) or dates.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for checkpoints, metrics and curves.")] = Path(
        "runs/gpt"
    ),
    config: ConfigFile = None,
    resume: Resume = False,
    as_json: AsJson = False,
    threads: Threads = None,
    workers: WorkerCount = None,
    shard_optimizer: Shards = False,
    **settings: object,
) -> None:
    """Train a model to continue text, solve tasks or translate.

    Every option can also go in a TOML file (--config); command-line options override it. Ctrl-C
    saves and stops; --resume continues the run. With the same settings the result is that of a run
    that was never stopped, bit for bit.

    With --task translation, other defaults than those shown here apply: the recipe of the 2017
    Transformer. It uses the preset transformer-small (transformer-tiny for dates), a joint
    vocabulary of both languages (bpe:8000; characters for dates), the inverse_sqrt schedule, label
    smoothing and the average of the last checkpoints. The config.toml in --out lists them all.
    """
    from scratchgpt.cli.training_run import resolve_run, train_run

    with joined(workers, threads, shards=shard_optimizer) as group:
        run = resolve_run(by_section(settings), corpus, config, out if resume else None, group)
        prepare_kernels(threads, run.training.precision, group, run.device)
        train_run(run, out, resume=resume, as_json=as_json, workers=group)


add_options(train_command, without=(*OF_CHAT, *OF_CONTRASTIVE, *OF_FINETUNE))
