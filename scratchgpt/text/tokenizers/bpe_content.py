"""Checks and variants of the content of a ``tokenizer.json`` with BPE."""

import contextlib
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from scratchgpt.errors import UserError, counted

# Ids may have gaps, but there is a table of all ids: the largest is below GAPS times the number of
# tokens, or below FREE_IDS.
GAPS, FREE_IDS = 2, 1 << 16

Step = dict[str, Any]


@contextlib.contextmanager
def errors_of_library() -> Iterator[None]:
    """Raise UserError for a text that the tokenizer cannot encode, such as an unknown character."""
    try:
        yield
    except Exception as error:  # the library raises no more specific exception
        raise UserError(f"the tokenizer cannot encode the text: {error}") from error


def number_of_ids(vocab: dict[str, int]) -> int:
    """Check that tokens have different ids, and return the largest id plus one."""
    names: dict[int, str] = {}
    for name, token in vocab.items():
        if token in names:
            raise UserError(f"{names[token]!r} and {name!r} have the same id {token}")
        names[token] = name
    largest = max(names, default=-1)
    limit = max(GAPS * len(names), FREE_IDS)
    if largest >= limit:
        raise UserError(
            f"{names[largest]!r} has id {largest}, but there are only "
            f"{counted(len(names), 'token')}; their ids must be below {limit:,}"
        )
    return largest + 1


def without_dropout(content: dict[str, Any]) -> dict[str, Any]:
    """Switch off BPE dropout, with a warning: it is for training, and makes encoding random."""
    if not content["model"].get("dropout"):
        return content
    warnings.warn(
        f"the tokenizer has dropout={content['model']['dropout']}, which splits a text in another "
        "way each time; it is switched off",
        stacklevel=4,
    )
    return {**content, "model": {**content["model"], "dropout": None}}


def after_token(content: dict[str, Any]) -> dict[str, Any]:
    """Return the settings for a text that follows a special token.

    The library then puts a space before it, if it puts one before every text, but not if it puts
    one before the first only.
    """
    return _changed(content, _no_first_space, lambda step: step)


def after_text(content: dict[str, Any]) -> dict[str, Any]:
    """Return the settings for a text that continues another: no space is put before it.

    ByteLevel with a prefix space is not changed, because it may put one before every word.
    """
    return _changed(content, _no_space, lambda step: None if step["type"] == "Prepend" else step)


def _no_first_space(step: Step) -> Step:
    is_first = step["type"] == "Metaspace" and step.get("prepend_scheme") == "first"
    return {**step, "prepend_scheme": "never"} if is_first else step


def _no_space(step: Step) -> Step:
    if step["type"] == "Metaspace":
        rest = {key: value for key, value in step.items() if key != "add_prefix_space"}
        return {**rest, "prepend_scheme": "never"}
    return step


def _changed(
    content: dict[str, Any],
    pre_tokenizer: Callable[[Step], Step],
    normalizer: Callable[[Step], Step | None],
) -> dict[str, Any]:
    parts = {
        "pre_tokenizer": _each_step(content.get("pre_tokenizer"), pre_tokenizer),
        "normalizer": _each_step(content.get("normalizer"), normalizer),
    }
    return {**content, **{name: part for name, part in parts.items() if name in content}}


def _each_step(part: Step | None, change: Callable[[Step], Step | None]) -> Step | None:
    """Change each step of a part; a step that becomes None is removed."""
    if part is None or part["type"] != "Sequence":
        return part and change(part)
    [(name, steps)] = [(key, value) for key, value in part.items() if isinstance(value, list)]
    changed = [_each_step(step, change) for step in steps]
    return {**part, name: [step for step in changed if step is not None]}
