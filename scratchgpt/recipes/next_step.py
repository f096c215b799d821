"""The next training step of a run, for the explorer."""

from pathlib import Path
from typing import Any

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.checkpoints import LAST, existing_checkpoint
from scratchgpt.errors import UserError, counted
from scratchgpt.explore.step import MOST_TOKENS, Step, speller, step_of_run
from scratchgpt.generation import check_tokenizer, translate
from scratchgpt.models import GPT, GPTConfig, Transformer
from scratchgpt.models.pretrained import load_pretrained, read_config
from scratchgpt.recipes.adapters import adapters_of, new_model
from scratchgpt.recipes.model_folder import find_model
from scratchgpt.recipes.registry import find_recipe
from scratchgpt.recipes.resolve import read_run
from scratchgpt.recipes.run_file import CONFIG_FILE
from scratchgpt.text import (
    PairBatch,
    ProgressCallback,
    TokenBatch,
    Tokenizer,
    load_tokenizer,
)
from scratchgpt.training import NextToken
from scratchgpt.training.checkpoint import load_checkpoint, read_state
from scratchgpt.training.step import Stepper


def step_to_explore(
    path: Path,
    text: str | None = None,
    *,
    most_tokens: int = MOST_TOKENS,
    progress: ProgressCallback | None = None,
) -> Step:
    """Return the training step of a run or a model that the explorer shows.

    Parameters
    ----------
    path : Path
        Folder of a run: the step that ``--resume`` would take next. Folder of a model: a step on
        ``text``, without an optimizer.
    text : str, optional
        The text of the step, instead of a row of the training data.
    most_tokens : int
    progress : callable, optional
        Called while a corpus is prepared.

    Raises
    ------
    UserError
        If there is no run or model, its data changed, or it is of another kind.
    """
    if (path / CONFIG_FILE).exists():
        return _next_step(path, text, most_tokens, progress)
    directory = find_model(path)
    if text is None:
        raise UserError(
            f"{path} is a model and not a run, so it has no next batch; give a text with --text"
        )
    model, tokenizer = load_pretrained(directory), load_tokenizer(directory)
    check_tokenizer(model, tokenizer)
    if not isinstance(model, GPT | Transformer):
        raise UserError(
            f"the model in {directory} is a {type(model).__name__}; only steps of a GPT or a "
            "Transformer can be shown"
        )
    batch = _batch_of(text, model, tokenizer, most_tokens)
    notes = ("The model has no optimizer, so there is no update to show.",)
    title = f"A training step of the model in {path.name}, on a text"
    return Step(model, NextToken(model), batch, None, speller(tokenizer), title, notes)


def _next_step(
    path: Path, text: str | None, most_tokens: int, progress: ProgressCallback | None
) -> Step:
    last = existing_checkpoint(path, LAST)
    if last is None:
        raise UserError(f"the run in {path} has no last/ checkpoint; name a model, and give --text")
    run = read_run(path)
    if adapters_of(run) is not None:
        advice = ""
        if read_config(last).verb == GPTConfig.verb:
            advice = f"; for a step on a text, name {last}, and give --text"
        raise UserError(
            f"the run in {path} trains adapters, and only steps that train a whole model can be "
            f"shown{advice}"
        )
    # The kinds of model and batches depend on the recipe; step_of_run checks them.
    data: Any = find_recipe(run.task).open(run, progress)
    saved = read_state(last)
    for name, now in (("data", data.fingerprint), ("tokenizer", data.tokenizer.fingerprint)):
        if getattr(saved, name) != now:
            raise UserError(
                f"the {name} of the run in {path} changed since it was trained; restore it, or "
                f"name {last} and give a text with --text"
            )
    model = new_model(run, data)
    objective, batches = data.objective(run, model), data.batches(run, model)
    config = run.training.in_steps(getattr(batches, "batches_per_epoch", None))
    stepper = Stepper(objective, batches, config)
    load_checkpoint(last, objective, stepper.optimizer, saved)
    stepper.optimizer.n_steps = saved.step
    batch = None
    if text is not None and isinstance(model, GPT | Transformer):
        batch = _batch_of(text, model, data.tokenizer, most_tokens)
    title = f"Step {saved.step + 1:,} of the run in {path.name}"
    return step_of_run(
        stepper, saved.step, data.tokenizer, title, most_tokens=most_tokens, text=batch
    )


def _batch_of(
    text: str, model: GPT | Transformer, tokenizer: Tokenizer, most_tokens: int
) -> TokenBatch | PairBatch:
    """Return a text as one row; the target of a translator is its own translation."""
    tokens = np.asarray(tokenizer.encode(text), np.int64)
    if isinstance(model, GPT):
        most = min(most_tokens, model.config.block_size)
        if len(tokens) < 2:
            raise UserError(
                f"--text has {counted(len(tokens), 'token')}, but 2 are needed; give more text"
            )
        tokens = tokens[: most + 1]
        return TokenBatch(tokens[None, :-1], tokens[None, 1:])
    end = tokenizer.end_of_text
    assert end is not None
    [translation] = translate(model, tokenizer, [text], n_beams=1)
    target: Array = np.asarray(tokenizer.encode(translation), np.int64)[: most_tokens - 1]
    source = np.append(tokens[: most_tokens - 1], end)
    return PairBatch(
        source[None],
        np.append(end, target)[None].astype(np.int64),
        np.append(target, end)[None].astype(np.int64),
    )
