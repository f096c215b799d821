"""The recorded step of the running example, and its arrays.

The model of ``scratchgpt explore`` is trained once in a build, for all pages and for the explorer.
"""

from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np

from scratchgpt import kernels, ops
from scratchgpt.explore import Step, demo_steps
from scratchgpt.explore.content import Content, prepare


class Row(NamedTuple):
    """One array: its column, its name in the code, its letters and its numbers."""

    side: str  # forward, saved or backward
    role: str  # input, parameter, inner or output
    name: str
    axes: str
    array: Any


class Example(NamedTuple):
    """The arrays of an operation, where they come from, and their place on the explorer page."""

    rows: list[Row]
    source: str
    place: str


# The card that stands for an operation, and what it is.
CARDS = {
    "attention": ("h.0.attn.attention", "The attention of the first block."),
    "cross_entropy": ("cross_entropy", "The loss of the step."),
    "embedding": ("wte", "The table of tokens, at the bottom of the model."),
    "gelu": ("h.0.mlp.act", "The activation of the first block."),
    "layer_norm": ("h.0.attn.norm", "The first norm of the first block."),
    "linear": ("h.0.attn.c_proj", "The map after the attention of the first block."),
    "residual": ("h.0.attn.residual", "The first sum of the first block."),
}


@cache
def steps() -> tuple[Step, Step]:
    """Train the small model; return the next step, and the same batch before training."""
    return demo_steps()


@cache
def content() -> Content:
    """Record the step of the trained model, with what each operation keeps inside."""
    return prepare(steps()[0], landscape=False)


def text() -> str:
    """The text of the step, one character a token."""
    step = steps()[0]
    return "".join(step.spell(int(token)) for token in step.tokens)


def card(place: str) -> dict[tuple[str, str], np.ndarray]:
    """The arrays of a card, by their column and their name."""
    found = next(card for card in content().cards if card.id == place)
    return {(f.side, f.name): content().values[f.value].array for f in found.fields}


def run(
    name: str,
    inputs: dict[str, tuple[str, Any]],
    outputs: dict[str, str],
    upstream: dict[str, tuple[str, Any]],
    gradients: dict[str, str],
    saved_axes: dict[str, str],
    **settings: Any,
) -> list[Row]:
    """Run an operation and its backward pass on arrays, and return all of them as rows."""
    arrays = [array for _, array in inputs.values()]
    with kernels.disabled():
        y, saved = getattr(ops, f"{name}_forward")(*arrays, **settings)
        given = tuple(array for _, array in upstream.values())
        results = getattr(ops, f"{name}_backward")(given if len(given) > 1 else given[0], saved)
    rows = [Row("forward", "input", n, axes, array) for n, (axes, array) in inputs.items()]
    ys = y if isinstance(y, tuple) else (y,)
    for (n, axes), array in zip(outputs.items(), ys, strict=True):
        rows.append(Row("forward", "output", n, axes, np.asarray(array)))
    rows += [Row("saved", "saved", n, axes, attrgetter(n)(saved)) for n, axes in saved_axes.items()]
    rows += [Row("backward", "input", n, axes, array) for n, (axes, array) in upstream.items()]
    results = results if isinstance(results, tuple) else (results,)
    for (n, axes), array in zip(gradients.items(), results, strict=False):
        rows.append(Row("backward", "output", n, axes, array))
    return rows


def array_of(rows: list[Row], side: str, name: str) -> np.ndarray:
    """Return one array of an example."""
    found: np.ndarray = next(row.array for row in rows if (row.side, row.name) == (side, name))
    return found
