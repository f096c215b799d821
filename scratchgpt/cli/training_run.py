"""The run behind ``scratchgpt train``."""

import json
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import typer

from scratchgpt.cli.exact_match import exact_match
from scratchgpt.cli.run_config import CONFIG_FILE, RunConfig, read_run_config, write_run_config
from scratchgpt.cli.run_data import RunData, open_data
from scratchgpt.errors import UserError
from scratchgpt.generation import SamplingConfig, generate_text
from scratchgpt.models import GPT
from scratchgpt.text import cache_directory, find_documents
from scratchgpt.training import SampleRecord, Trainer, TrainingProgress, TrainResult

SAMPLE_TOKENS = 300
SAMPLING = SamplingConfig(temperature=0.8, top_p=0.95)


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
    run = RunConfig()
    if resume:
        if not (out / CONFIG_FILE).exists():
            raise UserError(
                f"there is no run to resume in {out}; leave out --resume to start one, or name "
                "the folder of another"
            )
        run = read_run_config(out / CONFIG_FILE)
    if config is not None:
        run = read_run_config(config, run)
    run = run.merged(options, "the options")
    return replace(run, corpus=tuple(_readable_again(word) for word in run.corpus))


def _readable_again(word: str) -> str:
    """A word of the corpus; for standard input the file that keeps it, so the run can go on."""
    if word != "-":
        return word
    [document] = find_documents([word], cache_directory())
    return str(document.path)


def train_run(run: RunConfig, out: Path, *, resume: bool, as_json: bool) -> None:
    """Train, show how it goes, and end with what came of it on standard output."""
    data = open_data(run)
    config = data.model_config(run)
    model = GPT(config, seed=run.training.seed)
    trainer = Trainer(
        model,
        data.batches(run, config),
        run.training,
        out_dir=out,
        resume=resume,
        tokenizer=data.tokenizer,
        data_fingerprint=data.fingerprint,
    )
    write_run_config(run, config, out / CONFIG_FILE)
    print(_introduction(model, data, out), file=sys.stderr)

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
    _show_result(model, data, result, out, as_json)


def _introduction(model: GPT, data: RunData, out: Path) -> str:
    description = model.describe()
    if data.task is not None:
        source = f"the task {data.task.spec}"
    else:
        assert data.corpus is not None
        manifest = data.corpus.manifest
        source = (
            f"{manifest.n_tokens:,} tokens ({data.tokenizer.kind}, {data.tokenizer.vocab_size} "
            f"of them different), the last {manifest.n_tokens - manifest.n_train:,} to validate"
        )
    return f"{description.n_parameters:,} parameters, {source}; into {out}"


def _sample(model: GPT, data: RunData, seed: int) -> str:
    """Some text that the model writes, or a problem of the task with the model's answer."""
    if data.task is not None:
        prompts, _ = data.task.problems("test")
        prompt = data.tokenizer.decode(prompts[seed % len(prompts)])
        n_tokens = data.task.answer_length
        sampling = SamplingConfig(temperature=0)
    else:
        prompt, n_tokens, sampling = "", SAMPLE_TOKENS, SAMPLING
    results = generate_text(
        model, data.tokenizer, [prompt], max_new_tokens=n_tokens, sampling=sampling, seed=seed
    )
    return prompt + results[0].text


def _show_sample(
    progress: TrainingProgress, model: GPT, data: RunData, record: SampleRecord
) -> None:
    text = _sample(model, data, seed=record.step)
    progress.message(f"--- sample at step {record.step}\n{text}\n---")


def _show_result(model: GPT, data: RunData, result: TrainResult, out: Path, as_json: bool) -> None:
    match = exact_match(model, data.task) if data.task is not None else None
    sample = _sample(model, data, seed=0)
    if as_json:
        record = {
            "out": str(out),
            "step": result.step,
            "val_loss": result.val_loss,
            "best_val_loss": result.best_val_loss,
            "best_step": result.best_step,
            "elapsed": result.elapsed,
            "exact_match": match.fraction if match else None,
            "sample": sample,
        }
        print(json.dumps(record))
        return
    print(sample)
    lines = [f"{result.step:,} steps in {result.elapsed:.0f} s"]
    if result.best_val_loss is not None:
        lines.append(
            f"best validation loss {result.best_val_loss:.4f} at step {result.best_step:,}"
        )
    if match:
        lines.append(f"exact match {match.fraction:.2%} of {match.n:,} problems not trained on")
    print("; ".join(lines), file=sys.stderr)
    curves = f"; the curves are in {out / 'loss.png'}" if (out / "loss.png").exists() else ""
    command = f"scratchgpt generate --model {shlex.quote(str(out))}"
    print(f"let it write: {command}{curves}", file=sys.stderr)
