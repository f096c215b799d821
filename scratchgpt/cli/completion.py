"""What the shell offers when Tab is pressed after an option or an argument."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path


def complete(
    names: Callable[[], Iterable[str]] = tuple, *, folders: bool = False
) -> Callable[[str], list[str]]:
    """Make a completion that offers names, and also folders if an argument may be either."""

    def offer(incomplete: str) -> list[str]:
        offered = [name for name in names() if name.startswith(incomplete)]
        return offered + (folders_from(incomplete) if folders else [])

    return offer


def folders_from(start: str) -> list[str]:
    """Return the folders whose path starts with what has been typed, each with a slash."""
    parent, _, name = start.rpartition("/")
    place = Path(f"{parent}/") if "/" in start else Path()
    before = f"{parent}/" if "/" in start else ""
    try:
        found = sorted(os.scandir(place), key=lambda entry: entry.name)
    except OSError:
        return []
    return [
        f"{before}{entry.name}/"
        for entry in found
        if entry.is_dir() and entry.name.startswith(name) and (name or entry.name[0] != ".")
    ]


def presets() -> list[str]:
    """Return the presets of GPTs and of Transformers."""
    from scratchgpt.models import ALL_PRESETS

    return list(ALL_PRESETS)


def shapes() -> list[str]:
    """Return what ``scratchgpt bench`` measures by name."""
    from scratchgpt.measure import SHAPES
    from scratchgpt.models import PRESETS

    return [*SHAPES, *PRESETS]


def subjects() -> list[str]:
    """Return what ``scratchgpt verify`` verifies by name."""
    from scratchgpt.proofs.subjects import names

    return ["all", *names()]


def exercises() -> list[str]:
    """Return the exercises of ``scratchgpt exercise``."""
    from scratchgpt.exercises import EXERCISES

    return list(EXERCISES)


def examples() -> list[str]:
    """Return the example series of ``scratchgpt forecast``."""
    from scratchgpt.timeseries.data.examples import EXAMPLES

    return list(EXAMPLES)


def tasks() -> list[str]:
    """Return what ``scratchgpt train --task`` trains on."""
    from scratchgpt.recipes import RECIPES

    return [name for name in RECIPES if name]


def tokenizers() -> list[str]:
    """Return the kinds of tokenizers; a size follows the colon."""
    return ["characters", "bytes", "bpe:"]


def chat_formats() -> list[str]:
    """Return the formats of conversations."""
    from scratchgpt.chat import FORMATS

    return list(FORMATS)


def precisions() -> list[str]:
    """Return the precisions of matrix products."""
    from scratchgpt.precision import PRECISIONS

    return list(PRECISIONS)
