"""``scratchgpt ppo``: train a model on rewards of its own answers, with a value function."""

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
from scratchgpt.recipes.methods import PPOConfig

EPILOG = """Examples:

scratchgpt ppo addition:2 --init runs/addition --out runs/ppo

scratchgpt ppo conversations.jsonl --init runs/chat --reward-model runs/reward --out runs/ppo

scratchgpt ppo constraints --init runs/chat --ptx python-docs --out runs/ppo

scratchgpt ppo --out runs/ppo --resume --steps 2000
"""


def ppo_command(
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
        "runs/ppo"
    ),
    config: ConfigFile = None,
    resume: Resume = False,
    as_json: AsJson = False,
    threads: Threads = None,
    workers: WorkerCount = None,
    shard_optimizer: Shards = False,
    **settings: object,
) -> None:
    """Train a model on rewards, with a value function (PPO).

    In each phase, the model samples an answer to each prompt. Tokens after which the rewards are
    higher than a value network predicts become more probable. A penalty keeps the model near the
    model in --init, which must get some answers right: a run of `scratchgpt train --task
    addition:2`, or a chat model that `scratchgpt sft` has trained. The value network starts from
    the reward model.

    The defaults shown are those for a chat model, and a task has others. The config.toml in --out
    lists all settings. `scratchgpt eval` computes the rewards on prompts that were held out.
    """
    from scratchgpt.cli.training_run import resolve_run, train_run

    given = {**by_section(settings, PPOConfig), "task": "ppo"}
    with joined(workers, threads, shards=shard_optimizer) as group:
        run = resolve_run(given, prompts, config, out if resume else None, group)
        prepare_kernels(threads, run.training.precision, group)
        train_run(run, out, resume=resume, as_json=as_json, workers=group)


add_options(
    ppo_command,
    without=(
        *(
            "task",
            "device",
            "tokenizer",
            "preset",
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
    method=PPOConfig,
    task="ppo",
)
