"""The data of the page for its script: where each array is, and how it came about."""

import base64
import zlib
from typing import Any

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.explore.content import Content
from scratchgpt.explore.html.figure import field_id
from scratchgpt.explore.html.text import token

_MOST_TOKENS = 1000  # of the vocabulary, whose spellings the page has


def manifest(content: Content, start: Content | None = None) -> tuple[dict[str, Any], Array]:
    """Return the description of all arrays, and their numbers in one flat array."""
    names = _names(content)
    entries: list[dict[str, Any] | None] = []
    parts, offset = [], 0
    values = content.values
    on_page = content.on_page
    for number, value in enumerate(values.all):
        if number not in on_page:
            entries.append(None)
            continue
        array = value.picture
        name, axes = names.get(number, ("", ()))
        entry: dict[str, Any] = {"o": offset, "s": list(array.shape), "n": name, "a": list(axes)}
        if values.can_be_followed(number, on_page):
            entry["h"] = value.how
        if not value.is_whole:
            entry["p"] = list(value.array.shape)
        entries.append(entry)
        parts.append(array.ravel())
        offset += array.size
    described: dict[str, Any] = {
        "values": entries,
        "tokens": _tokens(content),
        "cards": [card.id for card in content.shown],
        "ids": {card.id: [card.forward, card.backward] for card in content.shown},
        "adam": content.update.adam,
        "muon": content.update.muon,
    }
    if start is not None:
        pairs = _pair(content, start)
        described["start"] = {}
        for number, other in pairs.items():
            array = start.values[other].array
            described["start"][str(number)] = offset
            parts.append(array.ravel())
            offset += array.size
    return described, np.concatenate(parts) if parts else np.zeros(0, np.float32)


def packed(numbers: Array) -> str:
    """Return numbers as text: float32, compressed without loss, in base64.

    All first bytes come before all second bytes, and so on. Numbers of a size have similar signs
    and exponents, so the last two of these four parts compress well.
    """
    parts = numbers.astype("<f4").view(np.uint8).reshape(-1, 4).T
    return base64.b64encode(zlib.compress(parts.tobytes(), 9)).decode()


def _names(content: Content) -> dict[int, tuple[str, tuple[str, ...]]]:
    """Return where each array is shown first, and the letters of its axes."""
    names: dict[int, tuple[str, tuple[str, ...]]] = {}
    for role in ("output", "inner", "parameter", "input", "saved"):
        for card in content.cards:
            for f in card.fields:
                if f.role == role:
                    names.setdefault(f.value, (field_id(card, f), f.axes))
    for station in content.stations:
        for which in ("lens", "gradient_lens", "norm"):
            if (value := getattr(station, which)) is not None:
                last = "C" if which == "norm" else "V"
                names.setdefault(value, (f"stream/{station.name}/{which}", ("T", last)))
    letters = {f.value: f.axes for card in content.cards for f in card.fields}
    for row in content.update.rows:
        ndim = content.values[row.value].array.ndim
        axes = letters.get(row.value) or tuple(str(i) for i in range(ndim))
        for name, value in content.parts_of(row):
            names.setdefault(value, (f"update/{row.name}/{name}", axes))
    return names


def _tokens(content: Content) -> dict[str, list[str]]:
    step = content.step
    spelled = {"T": [token(step.spell(int(t))) for t in step.tokens]}
    if step.source is not None:
        spelled["S"] = [token(step.spell(int(t))) for t in step.source]
    n = step.model.config.vocab_size
    if n <= _MOST_TOKENS:
        spelled["V"] = [token(step.spell(t)) for t in range(n)]
    return spelled


def _pair(content: Content, start: Content) -> dict[int, int]:
    """Return the number of each array before training, by its number on the page."""
    pairs: dict[int, int] = {}
    for card, before in zip(content.cards, start.cards, strict=True):
        for a, b in zip(card.fields, before.fields, strict=True):
            pairs.setdefault(a.value, b.value)
    for mine, other in zip(content.stations, start.stations, strict=True):
        for name in ("norm", "lens", "gradient_lens"):
            _match(pairs, getattr(mine, name), getattr(other, name))
    for row, earlier in zip(content.update.rows, start.update.rows, strict=True):
        _match(pairs, row.value, earlier.value)
        _match(pairs, row.grad, earlier.grad)
    return pairs


def _match(pairs: dict[int, int], mine: int | None, other: int | None) -> None:
    if mine is not None and other is not None:
        pairs.setdefault(mine, other)
