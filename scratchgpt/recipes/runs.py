"""Train and evaluate models by task: the functions behind ``scratchgpt train`` and ``eval``."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from scratchgpt.errors import UserError
from scratchgpt.models.pretrained import read_config
from scratchgpt.recipes.config import RunConfig
from scratchgpt.recipes.evaluation import Evaluation, EvaluationSettings, Watcher
from scratchgpt.recipes.model_folder import find_model
from scratchgpt.recipes.registry import RECIPES_OF_MODELS, AnyRecipe, AnyRun, find_recipe
from scratchgpt.recipes.resolve import read_run
from scratchgpt.recipes.run_file import CONFIG_FILE
from scratchgpt.text import ProgressCallback
from scratchgpt.training import TrainResult
from scratchgpt.training.workers import ALONE, Workers


def start(
    run: RunConfig,
    out_dir: Path | str,
    *,
    resume: bool = False,
    progress: ProgressCallback | None = None,
    workers: Workers = ALONE,
) -> AnyRun:
    """Prepare the data, the model and the trainer of a run, without training.

    Parameters
    ----------
    run : RunConfig
        From :func:`configure` or :func:`read_run`.
    out_dir : path
        Folder for the model, its checkpoints, its metrics and the configuration.
    resume : bool
        Resume the run in ``out_dir``.
    progress : callable, optional
        Called while a corpus is prepared; see :func:`scratchgpt.text.prepare`.
    workers : Workers
        The processes that train together, each of which calls this function.

    Raises
    ------
    UserError
        If the data cannot be read, the folder cannot be used, or the settings do not fit.
    """
    recipe = find_recipe(run.task)
    return recipe.start(run, Path(out_dir), resume=resume, progress=progress, workers=workers)


def train(
    run: RunConfig,
    out_dir: Path | str,
    *,
    resume: bool = False,
    progress: ProgressCallback | None = None,
    workers: Workers = ALONE,
) -> TrainResult:
    """Train the model that a run describes; the parameters are those of :func:`start`.

    Ctrl-C saves and stops; ``resume=True`` then continues the run. With the same settings the
    result equals that of an uninterrupted run bit for bit.

    Examples
    --------
    >>> run = configure(task="sort", training={"steps": 100})   # doctest: +SKIP
    >>> train(run, "runs/sort").best_val_loss                   # doctest: +SKIP
    """
    return start(run, out_dir, resume=resume, progress=progress, workers=workers).train()


def evaluate(
    model: Path | str,
    corpus: str | Sequence[str] = (),
    *,
    which: str | None = None,
    batch_size: int = 16,
    beams: int = 4,
    alpha: float = 0.6,
    progress: ProgressCallback | None = None,
    report: Callable[[str], None] | None = None,
) -> Evaluation:
    """Evaluate a model.

    Parameters
    ----------
    model : path
        Folder of a run or of a model.
    corpus : str or sequence of str, optional
        Text, or sentence pairs, to evaluate on. By default, the data that the model's run held out:
        the validation part of its corpus (the test part of multi30k), or the test problems of its
        task.
    which : {"average", "best", "last"}, optional
        Checkpoint of a run; by default the first of them that the run has.
    batch_size : int
        Rows per batch of a text.
    beams, alpha
        Beam width and length penalty for translations; see
        :func:`scratchgpt.generation.translate`.
    progress : callable, optional
        Called while a corpus is prepared; see :func:`scratchgpt.text.prepare`.
    report : callable, optional
        Called from time to time with a line of text.

    Returns
    -------
    Evaluation
        ``print`` shows it as a table; ``as_dict()`` gives the numbers.

    Raises
    ------
    UserError
        If there is no model, or no data to evaluate it on.
    """
    settings, watcher = EvaluationSettings(batch_size, beams, alpha), Watcher(progress, report)
    directory = find_model(Path(model), which)
    if corpus:
        words = (corpus,) if isinstance(corpus, str) else corpus
        recipe = _recipe_for(Path(model), directory)
        held_out = _with_training_data(Path(model), words) if recipe.compares else words
        return recipe.evaluate(directory, held_out, settings, watcher)
    run = _run_of(Path(model))
    return find_recipe(run.task).evaluate(directory, run, settings, watcher)


def _recipe_for(model: Path, directory: Path) -> AnyRecipe:
    """Return the recipe that evaluates a model on a corpus: that of its run, if it reads one."""
    with contextlib.suppress(UserError):  # the model is not part of a run
        recipe = find_recipe(_run_of(model).task)
        if not recipe.makes_data:
            return recipe
    return RECIPES_OF_MODELS[type(read_config(directory))]


def _with_training_data(model: Path, words: Sequence[str]) -> RunConfig | Sequence[str]:
    """Return the run of a model with other held-out data, if its training data is still there."""
    try:
        run = _run_of(model)
    except UserError:  # the model is not part of a run
        return words
    if len(words) != 1 or not run.corpus or not Path(run.corpus[0]).is_file():
        return words
    return replace(run, corpus=(run.corpus[0], *words))


def _run_of(model: Path) -> RunConfig:
    """Read the configuration of the run that a model belongs to."""
    for folder in (model, model.resolve().parent):
        if (folder / CONFIG_FILE).exists():
            return read_run(folder)
    raise UserError(f"{model} is not part of a run; name the text to evaluate on")
