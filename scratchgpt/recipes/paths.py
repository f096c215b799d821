"""The paths in the configuration of a run, which must be found from every folder."""

import glob
import os
from collections.abc import Callable
from pathlib import Path

from scratchgpt.recipes.config import Settings
from scratchgpt.recipes.translation import DATES
from scratchgpt.text import NAMED_CORPORA, NAMED_PAIRS


def make_absolute(values: Settings) -> dict[str, object]:
    """Return settings in which files and folders have absolute paths."""
    return _changed(values, lambda word: _below(os.getcwd(), word) or word)


def find_from(run: Path, values: Settings) -> dict[str, object]:
    """Return settings in which relative paths are searched in the folders above that of the run.

    Earlier versions saved paths as they were given, mostly in a folder above that of the run.
    Paths that the current folder has are unchanged.
    """
    parents = [str(folder) for folder in run.resolve().parents]

    def find(word: str) -> str:
        if _below("", word):
            return word
        return next((found for parent in parents if (found := _below(parent, word))), word)

    return _changed(values, find)


def _below(folder: str, word: str) -> str | None:
    """Return the path of what a word names in a folder, or None if there is nothing.

    A word is a path, a pattern, or a path followed by languages, as in ``FILE.jsonl:de-en``.
    """
    path, colon, languages = word.rpartition(":")
    if os.path.exists(os.path.join(folder, word)):
        return os.path.normpath(os.path.join(folder, word))
    if path.endswith((".jsonl", ".jsonl.gz")) and os.path.exists(os.path.join(folder, path)):
        return os.path.normpath(os.path.join(folder, path)) + colon + languages
    pattern = os.path.join(glob.escape(folder), word)
    has_match = glob.has_magic(word) and glob.glob(pattern, recursive=True)
    return pattern if has_match else None


def _changed(values: Settings, change: Callable[[str], str]) -> dict[str, object]:
    """Apply a function to the words of settings that may be paths."""
    changed = dict(values)
    method = values.get("method")
    if isinstance(method, dict):
        paths = {name: method.get(name) for name in ("reward_model", "ptx")}
        found = {name: change(path) for name, path in paths.items() if isinstance(path, str)}
        changed["method"] = {**method, **found}
    for name in {"corpus", "tokenizer", "init"} & values.keys():
        value = values[name]
        words = value if isinstance(value, list | tuple) else [value]
        words = [
            change(word) if isinstance(word, str) and _may_be_path(name, word, values) else word
            for word in words
        ]
        changed[name] = words if isinstance(value, list | tuple) else words[0]
    return changed


def _may_be_path(name: str, word: str, values: Settings) -> bool:
    """Whether a word is not a name, such as ``characters`` or ``python-docs``."""
    if name == "tokenizer":
        return word not in ("characters", "bytes") and not word.startswith("bpe:")
    if name == "init" or (os.path.exists(word) and word != DATES):
        return True
    if word == DATES:
        return values.get("task") != "translation"
    return word.partition(":")[0] not in (*NAMED_CORPORA, *NAMED_PAIRS)
