"""The settings that a run starts from, by what it learns; its file and its options stand over them.

What a language model starts from are the defaults of :class:`RunConfig` itself.
"""

from typing import Any

from scratchgpt.errors import UserError

TRANSLATION = "translation"  # the task whose corpus is sentence pairs
DATES = "dates"  # the corpus that is generated

# Vaswani et al. 2017, section 5, for a corpus of tens of thousands of sentences: few updates at a
# high rate, and much dropout.
_TRANSLATION: dict[str, Any] = {
    "tokenizer": "bpe:8000",
    "preset": "transformer-small",
    "model": {"dropout": 0.3},
    "training": {
        "steps": 2500,
        "tokens_per_batch": 4096,
        "lr": 2e-3,
        "schedule": "inverse_sqrt",
        "beta1": 0.9,
        "beta2": 0.98,
        "eps": 1e-9,
        "weight_decay": 0.0,
        "label_smoothing": 0.1,
        "average": 5,
        "eval_interval": 200,
        "checkpoint_interval": 100,
        "sample_interval": 200,
    },
}

# Problems without end, so there is nothing to learn by heart, and nothing to drop.
_DATES: dict[str, Any] = {
    "tokenizer": "characters",
    "preset": "transformer-tiny",
    "model": {"dropout": 0.0},
    "training": {
        **_TRANSLATION["training"],
        "steps": 2400,
        "lr": 3e-3,
        "label_smoothing": 0.0,
        "eval_interval": 250,
        "sample_interval": 250,
    },
}


def chosen_data(
    task: Any, corpus: tuple[Any, ...], values: dict[str, Any]
) -> tuple[Any, tuple[Any, ...]]:
    """Task and corpus when some settings are put over others.

    A corpus alone takes the place of a task that makes its own data, and the other way round;
    translation has both.
    """
    given = values.get("corpus", ())
    given = tuple(given) if isinstance(given, list | tuple) else (given,)
    new_task = values.get("task")
    if new_task is not None:
        return new_task, given or (corpus if TRANSLATION == new_task == task else ())
    if given:
        return (task if task == TRANSLATION else None), given
    return task, corpus


def recipe(task: Any, corpus: tuple[Any, ...]) -> dict[str, Any]:
    """What a run of this task starts from, by the names of the configuration file."""
    if task != TRANSLATION:
        return {}
    return _DATES if corpus == (DATES,) else _TRANSLATION


def check_data(task: str | None, corpus: tuple[str, ...]) -> None:
    """Refuse a corpus beside a task that makes its own data, and a translation without pairs."""
    if task == TRANSLATION:
        if not corpus:
            raise UserError(
                "there is nothing to translate from; name two files, a .tsv or .jsonl, multi30k or "
                "dates"
            )
    elif task and corpus:
        raise UserError(f"task={task!r} makes its own data; leave out the corpus {corpus[0]!r}")
