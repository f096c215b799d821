"""``scratchgpt sft``: fine-tune a GPT on conversations."""

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

EPILOG = """Examples:

scratchgpt sft conversations.jsonl --init runs/first --out runs/chat

scratchgpt sft greetings.jsonl questions.jsonl --init models/gpt2 --lr 1e-4 --out runs/chat

scratchgpt sft --out runs/chat --resume --steps 1000
"""


def sft_command(
    conversations: Annotated[
        list[str] | None,
        typer.Argument(
            help="JSONL files, also gzipped, with one conversation per line: "
            '{"messages": [{"role": "user", "content": "Hi"}, ...]} in the format of '
            'OpenAI, or {"conversations": [{"from": "human", "value": "Hi"}, ...]} in that of '
            "ShareGPT. Or constraints, for generated requests such as 'Write 5 words.'",
            show_default=False,
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for checkpoints, metrics and curves.")] = Path(
        "runs/chat"
    ),
    config: ConfigFile = None,
    resume: Resume = False,
    as_json: AsJson = False,
    threads: Threads = None,
    workers: WorkerCount = None,
    shard_optimizer: Shards = False,
    **settings: object,
) -> None:
    """Fine-tune a GPT on what an assistant says in conversations.

    The loss counts the answers of the assistant and the token that ends each, and nothing else. The
    vocabulary of the model in --init grows by the tokens that mark the roles. Without --init, a
    new model is trained.

    The config.toml in --out lists all settings. `scratchgpt eval` computes the loss on
    conversations that were held out.
    """
    from scratchgpt.cli.training_run import resolve_run, train_run

    given = {**by_section(settings), "task": "sft"}
    with joined(workers, threads, shards=shard_optimizer) as group:
        run = resolve_run(given, conversations, config, out if resume else None, group)
        prepare_kernels(threads, run.training.precision, group, run.device)
        train_run(run, out, resume=resume, as_json=as_json, workers=group)


add_options(
    sft_command,
    without=(
        "task",
        "batch_size",
        *OF_CONTRASTIVE,
        *OF_FINETUNE,
        "n_encoder_layer",
        "n_decoder_layer",
    ),
    task="sft",
)
