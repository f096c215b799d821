"""Bytes that the backward pass still needs after each step, here and in PyTorch's autograd."""

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from scratchgpt.explore.cards import Card
from scratchgpt.structured import read_json

_SHARED = ("attn.c_proj", "cross.c_proj")  # their input is the output of the attention


@dataclass(frozen=True)
class Kept:
    """What autograd saves for an operation.

    Attributes
    ----------
    node, name : str
        ``"AddmmBackward0"``, ``"mat1"``.
    axes : str
        ``"T C"``, or ``"parameter"``.
    n_bytes : int
        0 for parameters and for memory that was saved before.
    """

    node: str
    name: str
    axes: str
    n_bytes: int


@cache
def autograd_table() -> dict[str, Any]:
    """Return the table of what PyTorch records, which the parity tests compare with PyTorch."""
    table: dict[str, Any] = read_json(Path(__file__).parent / "data" / "autograd.json")
    return table


def nodes_of(card: Card) -> list[str]:
    """Return the names of the nodes that autograd records for an operation."""
    names: list[str] = autograd_table()["ops"][_entry(card)]["nodes"]
    return [name.rpartition("::")[2] for name in names]


def _entry(card: Card) -> str:
    """Return the name of the operation of a card in the table."""
    has_groups = any("K" in f.axes for f in card.fields)
    return "attention with groups" if card.op == "attention" and has_groups else card.op


def size_of(letter: str, sizes: dict[str, int]) -> int:
    """Return the size of an axis; ``"3C"`` is three times that of C."""
    return int(letter[0]) * sizes[letter[1:]] if letter[0].isdecimal() else sizes[letter]


def autograd_keeps(card: Card, sizes: dict[str, int]) -> list[Kept]:
    """Return what autograd saves for a card; ``sizes`` are those of the letters."""
    letters = dict(sizes)
    if card.op == "linear":
        letters["C"] = size_of(card.facts["n_in"], sizes)
    if card.time == "S" and "S" in sizes:
        letters["T"] = sizes["S"]
    kept = []
    for node, name, axes, itemsize in autograd_table()["ops"][_entry(card)]["saved"]:
        n_bytes = 0
        if axes != "parameter":
            shape = (int(a) if a.isdecimal() else letters[a] for a in axes.split())
            n_bytes = itemsize * math.prod(shape)
        if card.id.endswith(_SHARED) and name == "mat1":
            n_bytes = 0
        kept.append(Kept(node, name, axes, n_bytes))
    return kept


@dataclass(frozen=True)
class Moment:
    """A step, and the bytes that later steps need."""

    number: int
    card: Card
    way: str
    ours: int
    autograd: int


def timeline(cards: list[Card], sizes: dict[str, int]) -> list[Moment]:
    """Return the bytes alive after each step: they grow forward and shrink backward."""
    theirs = {card.id: sum(k.n_bytes for k in autograd_keeps(card, sizes)) for card in cards}
    moments, ours, autograd = [], 0, 0
    for card in cards:
        ours, autograd = ours + card.n_bytes, autograd + theirs[card.id]
        moments.append(Moment(card.forward or 0, card, "forward", ours, autograd))
    for card in sorted(cards, key=lambda c: c.backward or 0):
        ours, autograd = ours - card.n_bytes, autograd - theirs[card.id]
        moments.append(Moment(card.backward or 0, card, "backward", ours, autograd))
    return moments
