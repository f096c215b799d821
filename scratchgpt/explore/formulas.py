"""The steps of each operation: a formula, and the lines of code that compute it.

The formulas are written in TeX. ``data/formulas.json`` has them as MathML, which browsers display
without a script; ``docs/_ext/write_formulas.py`` writes that file.
"""

import inspect
from functools import cache
from pathlib import Path
from typing import NamedTuple

import scratchgpt.ops as ops
from scratchgpt.explore.cards import Card
from scratchgpt.explore.formula_tables import BACKWARD, FORWARD, GELU_EXACT, Formula
from scratchgpt.structured import read_json


class CodeLine(NamedTuple):
    """A line of the source of an operation."""

    number: int
    text: str


@cache
def source_lines(op: str, way: str) -> list[CodeLine]:
    """Return the lines of an operation with their numbers in its file, without indentation."""
    function = inspect.unwrap(getattr(ops, f"{op}_{way}"))
    lines, first = inspect.getsourcelines(function)
    return [CodeLine(first + i, line.strip()) for i, line in enumerate(lines)]


def lines_of(formula: Formula, op: str, way: str) -> list[CodeLine]:
    """Return the lines of code that compute a formula, one for each beginning it names."""
    lines = source_lines(op, way)
    return [next(line for line in lines if line.text.startswith(b)) for b in formula.lines]


def source_file(op: str) -> str:
    """Return the path of the file of an operation in the repository."""
    return f"scratchgpt/ops/{op}.py"


def formulas_of(card: Card) -> tuple[tuple[Formula, ...], tuple[Formula, ...]]:
    """Return the steps of a card that apply to it, forward and backward."""
    op = card.op
    if op == "gelu" and card.facts.get("form") == "none":
        return GELU_EXACT
    forward, backward = FORWARD.get(op, ()), BACKWARD.get(op, ())
    if op == "attention":
        if not card.facts.get("soft_cap"):
            forward, backward = _without("3", forward), _without("3", backward)
        if not card.facts.get("p"):
            forward, backward = _without_dropout(forward), _without_dropout(backward)
    return forward, backward


def _without(number: str, steps: tuple[Formula, ...]) -> tuple[Formula, ...]:
    """Return the steps that neither are nor undo the step of a number."""
    return tuple(step for step in steps if not step.label.endswith(number))


def _without_dropout(steps: tuple[Formula, ...]) -> tuple[Formula, ...]:
    """Return the steps of attention if nothing is dropped: the dropped weights are the weights."""
    kept = _without("6", steps)
    return tuple(step._replace(tex=step.tex.replace(r"\tilde P", "P")) for step in kept)


def all_tex() -> list[str]:
    """Return every formula, each once, in order."""
    from scratchgpt.explore.words import TEX

    tables = [*FORWARD.values(), *BACKWARD.values(), *GELU_EXACT]
    tables += [_without_dropout(table["attention"]) for table in (FORWARD, BACKWARD)]
    found = [f.tex for steps in tables for f in steps]
    return list(dict.fromkeys([*found, *TEX]))


@cache
def mathml() -> dict[str, str]:
    """Return the MathML of each formula, by its TeX."""
    converted: dict[str, str] = read_json(Path(__file__).parent / "data" / "formulas.json")
    return converted
