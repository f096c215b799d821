"""The residual stream: its stations, the two gradients at each, and both lenses."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.explore.cards import Card, Field
from scratchgpt.explore.record import Recording
from scratchgpt.explore.values import Values, product
from scratchgpt.kernels import disabled
from scratchgpt.layers import RMSNorm

# A larger vocabulary is shown by its best tokens only.
MOST_CLASSES = 512


@dataclass(frozen=True)
class Station:
    """The residual stream before a sublayer, or at its end.

    Attributes
    ----------
    card : Card
        The card that reads the stream.
    x, dx : int
        Numbers of the stream and of its gradient.
    past, through : int or None
        The two terms of the gradient; None at the end of the stream.
    norm, lens, gradient_lens : int or None
        The stream after the last norm; logits (T, V) of it, and of the negative gradient. None for
        an encoder, and for a large vocabulary.
    read : callable or None
        Returns what the head makes of an array (T, C), with the last norm or without.
    """

    card: Card
    x: int
    dx: int
    past: int | None = None
    through: int | None = None
    norm: int | None = None
    lens: int | None = None
    gradient_lens: int | None = None
    read: Callable[[Array, bool], Array] | None = None

    @cached_property
    def logits(self) -> Array:
        """Logits (T, V) of the stream."""
        assert self.read is not None
        return self.read(self.card.values[self.x].array, True)

    @cached_property
    def pushed(self) -> Array:
        """Logits (T, V) of the negative gradient."""
        assert self.read is not None
        return self.read(-self.card.values[self.dx].array, False)

    @property
    def name(self) -> str:
        return self.card.id


def stations(cards: list[Card], recording: Recording) -> list[Station]:
    """Return the stations of the stream, in the order of the forward pass."""
    is_pre = recording.step.model.config.norm_position == "pre"
    found = []
    for card in cards:
        reads = card.is_norm_of_stream if is_pre else card.op == "residual"
        if reads:
            station = _station(card)
            if station is not None:
                found.append(_with_lenses(station, cards, recording))
    return found


def _station(card: Card) -> Station | None:
    at = {(f.side, f.name): f for f in card.fields}
    x, dx = at.get(("forward", "x")), at.get(("backward", "dx"))
    if x is None or dx is None:
        return None
    past = at.get(("backward", "past the branch"))
    through = at.get(("backward", "through the norm")) or at.get(("backward", "through the branch"))
    return Station(card, x.value, dx.value, _number(past), _number(through))


def _number(field: Field | None) -> int | None:
    return None if field is None else field.value


def _with_lenses(station: Station, cards: list[Card], recording: Recording) -> Station:
    """Add what the head makes of the stream and of its gradient."""
    if station.card.time == "S":
        return station
    model: Any = recording.step.model
    values = station.card.values
    head = model.lm_head.weight.value
    norm = (model.decoder if hasattr(model, "decoder") else model.transformer).ln_f

    def read(x: Array, is_stream: bool) -> Array:
        with disabled(), np.errstate(all="ignore"):
            n = norm.forward(x)[0] if is_stream and norm is not None else x
            logits: Array = n @ head.T
        return logits

    station = replace(station, read=read)
    if len(head) > MOST_CLASSES:
        return station
    at_w, at_n = values.add(head), station.x
    if norm is not None:
        with disabled(), np.errstate(all="ignore"):
            n = norm.forward(values[station.x].array)[0]
        at_n = values.add(n, _norm(values, station.x, norm))
    how = product("tv", (at_n, "tc"), (at_w, "vc"), over="c")
    at_lens = values.add(station.logits, how)
    how = product("tv", (station.dx, "tc"), (at_w, "vc"), over="c", f=-1.0)
    at_pushed = values.add(station.pushed, how)
    return replace(station, norm=at_n, lens=at_lens, gradient_lens=at_pushed)


def _norm(values: Values, x: int, norm: Any) -> dict[str, Any]:
    how = {"k": "rms" if isinstance(norm, RMSNorm) else "norm", "a": x, "eps": norm.eps}
    for key, name in (("w", "weight"), ("b", "bias")):
        parameter = vars(norm).get(name)
        if parameter is not None:
            how[key] = values.add(parameter.value)
    return how


def shares(station: Station) -> tuple[float, float, float] | None:
    """Return the norms of both gradients and the cosine between them; None if there is one."""
    if station.past is None or station.through is None:
        return None
    values = station.card.values
    past, through = (
        values[n].array.astype(np.float64).ravel() for n in (station.past, station.through)
    )
    norms = float(np.linalg.norm(past)), float(np.linalg.norm(through))
    with np.errstate(all="ignore"):
        cosine = float(past @ through / (norms[0] * norms[1] or 1.0))
    return (*norms, cosine)


def best(row: Array, n: int) -> list[int]:
    """Return the indices of the n largest elements of a row, the largest first."""
    n = min(n, len(row))
    some = np.sort(np.argpartition(-row, n - 1)[:n])
    return [int(i) for i in some[np.argsort(-row[some], kind="stable")]]


def probabilities(logits: Array) -> Array:
    """Return the softmax of each row (T, V)."""
    with np.errstate(all="ignore"):
        shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
        p: Array = shifted / shifted.sum(axis=-1, keepdims=True)
    return p
