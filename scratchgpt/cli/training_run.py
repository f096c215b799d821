"""The run behind ``scratchgpt train``."""

import json
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import typer

from scratchgpt.cli.console import write_line
from scratchgpt.cli.run_config import (
    CONFIG_FILE,
    RunConfig,
    read_run_config,
    read_settings,
    starting_run,
    write_run_config,
)
from scratchgpt.cli.run_data import open_data
from scratchgpt.errors import UserError
from scratchgpt.models import load_pretrained
from scratchgpt.text import cache_directory, find_documents
from scratchgpt.training import (
    NextToken,
    SampleRecord,
    Trainer,
    TrainingProgress,
    TrainResult,
    find_checkpoint,
)

# What is said of a model, by the command that uses it.
VERBS = {"generate": "write", "translate": "translate"}


def resolve_run(
    out: Path, config: Path | None, options: dict[str, Any], *, resume: bool
) -> RunConfig:
    """The configuration of a run: its own if it is resumed, the file's, the options' over them.

    Parameters
    ----------
    out : Path
    config : Path, optional
    options : dict
        By the names and sections of the configuration file.
    resume : bool
    """
    layers = [(options, "the options")]
    if config is not None:
        layers.insert(0, (read_settings(config), str(config)))
    if resume:
        if not (out / CONFIG_FILE).exists():
            raise UserError(
                f"there is no run to resume in {out}; leave out --resume to start one, or name "
                "the folder of another"
            )
        run = read_run_config(out / CONFIG_FILE)
    else:
        run = starting_run(*(values for values, _ in layers))
    for values, where in layers:
        run = run.merged(values, where)
    if run.task is not None:
        return run
    return replace(run, corpus=tuple(_readable_again(word) for word in run.corpus))


def _readable_again(word: str) -> str:
    """A word of the corpus; for standard input the file that keeps it, so the run can go on."""
    if word != "-":
        return word
    [document] = find_documents([word], cache_directory())
    return str(document.path)


def train_run(run: RunConfig, out: Path, *, resume: bool, as_json: bool) -> None:
    """Train, show how it goes, and end with what came of it on standard output."""
    data: Any = open_data(run)  # whose model is its own kind
    model = data.new_model(run)
    trainer = Trainer(
        NextToken.from_config(model, run.training),
        data.batches(run, model),
        run.training,
        out_dir=out,
        resume=resume,
        tokenizer=data.tokenizer,
        data_fingerprint=data.fingerprint,
    )
    write_run_config(run, model.config, out / CONFIG_FILE, resumed=resume)
    introduction = f"{model.store.size:,} parameters, {data.describe(model)}; into {out}"
    print(introduction, file=sys.stderr)

    progress = TrainingProgress(trainer)
    trainer.on("sample", lambda _, record: _show_sample(progress, model, data, record))
    with progress:
        result = trainer.train()
    if result.interrupted is not None:
        print(
            f"saved at step {result.step}; go on with: "
            f"scratchgpt train --out {shlex.quote(str(out))} --resume",
            file=sys.stderr,
        )
        raise typer.Exit(128 + result.interrupted)
    if run.training.average > 1:
        model = load_pretrained(find_checkpoint(out, "average"))
    _show_result(model, data, result, out, as_json)


def _show_sample(progress: TrainingProgress, model: Any, data: Any, record: SampleRecord) -> None:
    text = data.sample(model, seed=record.step)
    progress.message(f"--- sample at step {record.step}\n{text}\n---")


def _show_result(model: Any, data: Any, result: TrainResult, out: Path, as_json: bool) -> None:
    match = data.exact_match(model)
    sample = data.sample(model, seed=0)
    if as_json:
        record = {
            "out": str(out),
            "step": result.step,
            "val_loss": result.val_loss,
            "best_val_loss": result.best_val_loss,
            "best_step": result.best_step,
            "average_val_loss": result.average_val_loss,
            "elapsed": result.elapsed,
            "exact_match": match.fraction if match else None,
            "sample": sample,
        }
        print(json.dumps(record))
        return
    write_line(sample)
    lines = [f"{result.step:,} steps in {result.elapsed:.0f} s"]
    if result.best_val_loss is not None:
        lines.append(
            f"best validation loss {result.best_val_loss:.4f} at step {result.best_step:,}"
        )
    if result.average_val_loss is not None:
        lines.append(f"that of the averaged checkpoints {result.average_val_loss:.4f}")
    if match:
        lines.append(f"exact match {match.fraction:.2%} of {match.n:,} problems not trained on")
    print("; ".join(lines), file=sys.stderr)
    curves = f"; the curves are in {out / 'loss.png'}" if (out / "loss.png").exists() else ""
    command = f"scratchgpt {data.verb} --model {shlex.quote(str(out))}"
    print(f"let it {VERBS[data.verb]}: {command}{curves}", file=sys.stderr)
