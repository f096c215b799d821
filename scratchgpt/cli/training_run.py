"""A training run as a person sees it: progress, samples, and what came of it."""

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from scratchgpt.cli.console import preparation_progress, write_line
from scratchgpt.models import GPT, Transformer
from scratchgpt.recipes import RunConfig, TrainingRun, find_recipe, start
from scratchgpt.training import SampleRecord, Trainer, TrainingProgress, TrainResult

if TYPE_CHECKING:
    AnyRun = TrainingRun[GPT] | TrainingRun[Transformer]

# What a model is used for, by the command that uses it.
VERBS = {"generate": "write", "translate": "translate"}


def train_run(run: RunConfig, out: Path, *, resume: bool, as_json: bool) -> None:
    """Train, show progress, and print the result on standard output."""
    with preparation_progress() as preparation:
        training = start(run, out, resume=resume, progress=preparation)
    print(f"{training.describe()}; into {out}", file=sys.stderr)
    result = _train(training)
    if result.interrupted is not None:
        print(
            f"saved at step {result.step}; go on with: "
            f"scratchgpt train --out {shlex.quote(str(out))} --resume",
            file=sys.stderr,
        )
        raise typer.Exit(128 + result.interrupted)
    scores, sample = training.evaluate(), training.sample()
    if as_json:
        record = {
            "out": str(out),
            "step": result.step,
            "val_loss": result.val_loss,
            "best_val_loss": result.best_val_loss,
            "best_step": result.best_step,
            "average_val_loss": result.average_val_loss,
            "elapsed": result.elapsed,
            "exact_match": scores.get("exact_match"),
            "sample": sample,
        }
        print(json.dumps(record))
        return
    write_line(sample)
    print("; ".join(_summary(result, scores)), file=sys.stderr)
    curves = f"; the curves are in {out / 'loss.png'}" if (out / "loss.png").exists() else ""
    verb = find_recipe(run.task).verb
    command = f"scratchgpt {verb} --model {shlex.quote(str(out))}"
    print(f"let it {VERBS[verb]}: {command}{curves}", file=sys.stderr)


def _train(training: "AnyRun") -> TrainResult:
    progress = TrainingProgress(training.trainer)

    def show_sample(trainer: Trainer, record: SampleRecord) -> None:
        sample = training.sample(record.step)
        progress.message(f"--- sample at step {record.step}\n{sample}\n---")

    training.trainer.on("sample", show_sample)
    with progress:
        return training.train()


def _summary(result: TrainResult, scores: dict[str, float]) -> list[str]:
    lines = [f"{result.step:,} steps in {result.elapsed:.0f} s"]
    if result.best_val_loss is not None:
        lines.append(
            f"best validation loss {result.best_val_loss:.4f} at step {result.best_step:,}"
        )
    if result.average_val_loss is not None:
        lines.append(f"that of the averaged checkpoints {result.average_val_loss:.4f}")
    if "exact_match" in scores:
        lines.append(
            f"exact match {scores['exact_match']:.2%} of {scores['n_problems']:,} problems not "
            "trained on"
        )
    return lines
