"""The display of a training run: progress, samples and the result."""

from pathlib import Path

import typer

from scratchgpt.cli.console import message, preparation_progress, program, write_json, write_text
from scratchgpt.errors import counted, warn_on_failure
from scratchgpt.escapes import escaped, shell_quoted
from scratchgpt.recipes import RunConfig, start
from scratchgpt.recipes.registry import AnyRun
from scratchgpt.recipes.resolve import (
    Layer,
    keep_standard_input,
    refuse_standard_input,
    resolve,
)
from scratchgpt.recipes.run_file import read_settings
from scratchgpt.training import SampleRecord, Trainer, TrainingProgress, TrainResult
from scratchgpt.training.agreement import describe_workers
from scratchgpt.training.workers import ALONE, Workers

# What to print before the command that uses the model.
PURPOSES = {
    "generate": "generate text",
    "translate": "translate",
    "embed": "encode texts as vectors",
    "eval": "score answers that were held out",
    "predict": "predict labels",
}


def resolve_run(
    given: dict[str, object],
    corpus: list[str] | None,
    config: Path | None,
    resumed: Path | None,
    workers: Workers = ALONE,
) -> RunConfig:
    """Merge the options of a command, the words of its corpus and its configuration file.

    Standard input and pipes are saved to files, which is not possible for several workers.
    ``resumed`` is the folder of a run to resume.
    """
    if corpus:
        given = {**given, "corpus": corpus}
    layers = [Layer(given, "the options")]
    if config is not None:
        layers.insert(0, Layer(read_settings(config), str(config)))
    run = resolve(layers, resumed=resumed)
    if workers.size > 1:
        refuse_standard_input(run)
    return keep_standard_input(run)


def train_run(
    run: RunConfig,
    out: Path,
    *,
    resume: bool,
    as_json: bool,
    show_sample: bool = True,
    workers: Workers = ALONE,
) -> None:
    """Train a model, show progress, and print the result and a sample on standard output.

    Of several workers, only worker 0 evaluates and samples at the end.
    """
    with preparation_progress() as preparation:
        training = start(run, out, resume=resume, progress=preparation, workers=workers)
    message(f"{describe_workers(workers)}{training.describe()}; output in {out}")
    for note in (*training.trainer.notes, *training.trainer.stepper.optimizer.describe()):
        message(note)
    result = _train(training, shows_samples=workers.rank == 0)
    if workers.rank:
        return
    if result.interrupted is not None:
        message(
            f"saved at step {result.step}; resume with: "
            f"{program()} train --out {shell_quoted(out)} --resume"
        )
        raise typer.Exit(128 + result.interrupted)
    scores, sample = dict[str, float](), ""  # the run is finished, whether or not they succeed
    with warn_on_failure("the evaluation"):
        scores = training.evaluate()
    with warn_on_failure("the sample"):
        sample = training.sample() if show_sample else ""
    if as_json:
        record = {
            "out": str(out),
            "step": result.step,
            "val_loss": result.val_loss,
            "best_val_loss": result.best_val_loss,
            "best_step": result.best_step,
            "average_val_loss": result.average_val_loss,
            "elapsed": result.elapsed,
            "exact_match": None,
            **scores,
            "sample": sample,
        }
        write_json(record)
        return
    if show_sample:
        write_text(f"{sample}\n")
    message("; ".join(_summary(training.run.training.best, result, scores)))
    curves = f"; curves in {out / 'loss.png'}" if (out / "loss.png").exists() else ""
    verb = training.model.config.verb
    command = f"{program()} {verb} --model {shell_quoted(out)}"
    message(f"to {PURPOSES[verb]}: {command}{curves}")


def _train(training: AnyRun, *, shows_samples: bool) -> TrainResult:
    progress = TrainingProgress(training.trainer)

    def show_sample(trainer: Trainer, record: SampleRecord) -> None:
        with warn_on_failure("the sample"):
            sample = escaped(training.sample(record.step), keep="\t\n")
            progress.message(f"--- sample at step {record.step}\n{sample}\n---")

    if shows_samples:
        training.trainer.on("sample", show_sample)
    with progress:
        return training.train()


def _summary(best: str, result: TrainResult, scores: dict[str, float]) -> list[str]:
    lines = [f"{counted(result.step, 'step')} in {result.elapsed:.0f} s"]
    if result.best_value is not None:
        name = "validation loss" if best == "val_loss" else best
        lines.append(f"best {name} {result.best_value:.4f} at step {result.best_step:,}")
    if result.average_val_loss is not None:
        lines.append(f"validation loss of the averaged checkpoints {result.average_val_loss:.4f}")
    for name, value in scores.items():
        search = ", by greedy search" if name == "exact_match" else ""
        lines.append(f"{name.replace('_', ' ')} {value:.4f} on held-out data{search}")
    return lines
