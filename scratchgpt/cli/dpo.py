"""``scratchgpt dpo``: train a chat model on preferences."""

from pathlib import Path
from typing import Annotated

import typer

from scratchgpt.cli.kernels import Threads, prepare_kernels
from scratchgpt.cli.options import (
    OF_CONTRASTIVE,
    OF_FINETUNE,
    AsJson,
    ConfigFile,
    Resume,
    add_options,
    by_section,
)
from scratchgpt.cli.workers import Shards, WorkerCount, joined
from scratchgpt.recipes.methods import DPOConfig

EPILOG = """Examples:

scratchgpt dpo preferences.jsonl --init runs/chat --out runs/dpo

scratchgpt dpo preferences.jsonl --init runs/chat --loss ipo --beta 0.5 --out runs/ipo

scratchgpt dpo --out runs/dpo --resume --steps 400
"""


def dpo_command(
    preferences: Annotated[
        list[str] | None,
        typer.Argument(
            help="JSONL files, also gzipped. Each line has a prompt, a better and a worse answer: "
            '{"prompt": "1 + 1?", "chosen": "2", "rejected": "3"}; or answers from best to worst: '
            '{"prompt": "1 + 1?", "answers": ["2", "3", "?"]}.',
            show_default=False,
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for checkpoints, metrics and curves.")] = Path(
        "runs/dpo"
    ),
    config: ConfigFile = None,
    resume: Resume = False,
    as_json: AsJson = False,
    threads: Threads = None,
    workers: WorkerCount = None,
    shard_optimizer: Shards = False,
    **settings: object,
) -> None:
    """Train a chat model directly on preferences (DPO).

    The better of two answers becomes more probable than the other, compared with the model in
    --init, which must be a chat model that `scratchgpt sft` has trained. The log-probabilities of
    that model are computed once, at the start.

    The config.toml in --out lists all settings. `scratchgpt eval` computes the loss and the
    accuracy on preferences that were held out.
    """
    from scratchgpt.cli.training_run import resolve_run, train_run

    given = {**by_section(settings, DPOConfig), "task": "dpo"}
    with joined(workers, threads, shards=shard_optimizer) as group:
        run = resolve_run(given, preferences, config, out if resume else None, group)
        prepare_kernels(threads, run.training.precision, group)
        train_run(run, out, resume=resume, as_json=as_json, workers=group)


add_options(
    dpo_command,
    without=(
        *(
            "task",
            "device",
            "tokenizer",
            "preset",
            "batch_size",
            "label_smoothing",
            *OF_CONTRASTIVE,
            *OF_FINETUNE,
        ),
        *("n_encoder_layer", "n_decoder_layer"),
    ),
    method=DPOConfig,
    task="dpo",
)
