"""``scratchgpt reward``: train a reward model on preferences."""

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
from scratchgpt.recipes.methods import RewardConfig

EPILOG = """Examples:

scratchgpt reward preferences.jsonl --init runs/chat --out runs/reward

scratchgpt reward synthetic --out runs/synthetic

scratchgpt reward --out runs/reward --resume --steps 400
"""


def reward_command(
    preferences: Annotated[
        list[str] | None,
        typer.Argument(
            help="JSONL files, also gzipped. Each line has a prompt, a better and a worse answer: "
            '{"prompt": "1 + 1?", "chosen": "2", "rejected": "3"}; or answers from best to worst: '
            '{"prompt": "1 + 1?", "answers": ["2", "3", "?"]}. Or the word synthetic.',
            show_default=False,
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for checkpoints, metrics and curves.")] = Path(
        "runs/reward"
    ),
    config: ConfigFile = None,
    resume: Resume = False,
    as_json: AsJson = False,
    threads: Threads = None,
    workers: WorkerCount = None,
    shard_optimizer: Shards = False,
    **settings: object,
) -> None:
    """Train a model that scores answers, on preferences.

    Of two answers, the better one must get the higher score. All answers to a prompt are in one
    batch. --init should be a model that `scratchgpt sft` has trained; without it, a new model is
    trained. The config.toml in --out lists all settings.

    `scratchgpt eval` computes the accuracy on preferences that were held out. The preferences of
    `synthetic` are generated from a known reward, so it can also print the best accuracy that is
    possible.
    """
    from scratchgpt.cli.training_run import resolve_run, train_run

    given = {**by_section(settings, RewardConfig), "task": "reward"}
    with joined(workers, threads, shards=shard_optimizer) as group:
        run = resolve_run(given, preferences, config, out if resume else None, group)
        prepare_kernels(threads, run.training.precision, group)
        train_run(run, out, resume=resume, as_json=as_json, workers=group)


add_options(
    reward_command,
    without=(
        *("task", "device", "batch_size", "label_smoothing", *OF_CONTRASTIVE, *OF_FINETUNE),
        *("n_encoder_layer", "n_decoder_layer"),
    ),
    method=RewardConfig,
    task="reward",
)
