"""``scratchgpt grpo``: train a model on rewards of its own answers."""

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
from scratchgpt.recipes.methods import GRPOConfig

EPILOG = """Examples:

scratchgpt grpo addition:2 --init runs/addition --out runs/grpo

scratchgpt grpo constraints --init runs/chat --out runs/grpo

scratchgpt grpo conversations.jsonl --init runs/chat --reward-model runs/reward --out runs/grpo

scratchgpt grpo --out runs/grpo --resume --steps 2000
"""


def grpo_command(
    prompts: Annotated[
        list[str] | None,
        typer.Argument(
            help="What to answer: a task with exact rewards (addition, addition:3, sort, "
            "sort:8:5); constraints, for requests such as 'Write 5 words.'; or JSONL files of "
            "conversations, whose answers a reward model scores.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for checkpoints, metrics and curves.")] = Path(
        "runs/grpo"
    ),
    config: ConfigFile = None,
    resume: Resume = False,
    as_json: AsJson = False,
    threads: Threads = None,
    workers: WorkerCount = None,
    shard_optimizer: Shards = False,
    **settings: object,
) -> None:
    """Train a model on rewards of its own answers (GRPO).

    In each phase, the model samples a group of answers to each prompt. Those with a higher reward
    than the others of their group become more probable. The model in --init must get some answers
    right: a run of `scratchgpt train --task addition:2`, or a chat model that `scratchgpt sft` has
    trained.

    Other defaults than those shown here apply. The config.toml in --out lists them all. `scratchgpt
    eval` computes the rewards on prompts that were held out.
    """
    from scratchgpt.cli.training_run import resolve_run, train_run

    given = {**by_section(settings, GRPOConfig), "task": "grpo"}
    with joined(workers, threads, shards=shard_optimizer) as group:
        run = resolve_run(given, prompts, config, out if resume else None, group)
        prepare_kernels(threads, run.training.precision, group)
        train_run(run, out, resume=resume, as_json=as_json, workers=group)


add_options(
    grpo_command,
    without=(
        *(
            "task",
            "device",
            "tokenizer",
            "preset",
            "batch_size",
            "tokens_per_batch",
            "label_smoothing",
            "eval_batches",
            "dropout",
            "epochs",
            *OF_CONTRASTIVE,
            *OF_FINETUNE,
        ),
        *("n_encoder_layer", "n_decoder_layer"),
    ),
    method=GRPOConfig,
)
