"""The update of every parameter, and the loss along the weight with the largest gradient."""

import math
from dataclasses import dataclass

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.explore.cards import Card
from scratchgpt.explore.record import Recording
from scratchgpt.explore.step import Step
from scratchgpt.explore.unfold.sums import GradientSums
from scratchgpt.explore.values import Values, total
from scratchgpt.kernels import disabled
from scratchgpt.optim import AdamW, clip_scale, global_norm

POINTS = 21


@dataclass(frozen=True)
class Row:
    """One parameter.

    Attributes
    ----------
    name : str
    value, grad : int
        Numbers of its arrays. ``grad`` is None if it is frozen.
    m, v, after : int or None
        Both moments before the update, and the new value; None without an optimizer.
    decays : bool
        Whether weight decay applies.
    """

    name: str
    value: int
    grad: int | None
    m: int | None = None
    v: int | None = None
    after: int | None = None
    decays: bool = False


@dataclass(frozen=True)
class Update:
    """The update of a step.

    Attributes
    ----------
    rows : list of Row
    norm : float
        Norm of the gradient.
    clip : float
        The factor of clipping.
    numbers : dict of str to float
        The constants of AdamW in this step, for the script of the page; empty without an optimizer.
    """

    rows: list[Row]
    norm: float
    clip: float
    numbers: dict[str, float]

    @property
    def is_made(self) -> bool:
        """Whether there is an optimizer, and the gradient is finite."""
        return bool(self.numbers)


def compute_update(recording: Recording, values: Values, sums: GradientSums) -> Update:
    """Update the parameters on the reference, and restore them."""
    step, store = recording.step, recording.step.model.store
    flat = store.grads
    with disabled():
        norm = global_norm(flat)
    if step.moments is None or not math.isfinite(norm):
        rows = [_row(name, recording, values, sums) for name in store.named]
        return Update(rows, norm, 1.0, {})
    moments, before = step.moments, store.values.copy()
    clip = clip_scale(norm, moments.grad_clip) if moments.grad_clip else 1.0
    optimizer = AdamW(
        store, betas=moments.betas, eps=moments.eps, weight_decay=moments.weight_decay
    )
    optimizer.exp_avg[...], optimizer.exp_avg_sq[...] = moments.exp_avg, moments.exp_avg_sq
    optimizer.n_steps = moments.n_steps
    with disabled(), np.errstate(all="ignore"):
        optimizer.step(moments.lr, clip)
    after = {name: p.value.copy() for name, p in store.named.items()}
    store.values[...] = before
    numbers = {
        "lr": moments.lr,
        "beta1": moments.betas[0],
        "beta2": moments.betas[1],
        "eps": moments.eps,
        "decay": moments.weight_decay,
        "clip": clip,
        "t": moments.n_steps + 1,
    }
    exp_avg = store.grad_views(moments.exp_avg)
    exp_avg_sq = store.grad_views(moments.exp_avg_sq)
    rows = []
    for name, parameter in store.named.items():
        row = _row(name, recording, values, sums)
        if row.grad is None:
            rows.append(row)
            continue
        m, v = values.add(exp_avg[name]), values.add(exp_avg_sq[name])
        how = {"k": "adam", "a": row.value, "b": row.grad, "c": m, "d": v}
        how["decays"] = parameter.decays
        new = values.add(after[name], how)
        rows.append(Row(name, row.value, row.grad, m, v, new, parameter.decays))
    return Update(rows, norm, clip, numbers)


def _row(name: str, recording: Recording, values: Values, sums: GradientSums) -> Row:
    """Return a parameter with its gradient, the sum of what its operations contribute."""
    parameter = recording.step.model.store.named[name]
    value = values.add(parameter.value)
    if name not in recording.grads:
        return Row(name, value, None)
    parts = sums.contributions[name]
    letters = "abcd"[: len(parameter.shape)]
    how = total(letters, *parts) if len(parts) > 1 else None
    return Row(name, value, values.add(recording.grads[name], how))


@dataclass(frozen=True)
class Slice:
    """The loss along one weight.

    Attributes
    ----------
    name : str
        Of the parameter.
    index : tuple of int
        The element with the largest gradient.
    slope : float
        That gradient.
    offsets, losses : list of float
    """

    name: str
    index: tuple[int, ...]
    slope: float
    offsets: list[float]
    losses: list[float]


def slices(recording: Recording, points: int = POINTS) -> list[Slice]:
    """Compute the loss along the element of largest gradient of each parameter.

    Dropout has the same mask at every point.
    """
    found = []
    store = recording.step.model.store
    for name, grad in recording.grads.items():
        index = np.unravel_index(int(np.argmax(np.abs(grad))), grad.shape)
        place = tuple(int(i) for i in index)
        slope = float(grad[index])
        value = store.named[name].value
        width = float(np.sqrt(np.mean(np.square(value, dtype=np.float64)))) or 0.3
        offsets = np.linspace(-width, width, points)
        found.append(_slice(name, place, slope, value, offsets, recording.step))
    return found


def _slice(
    name: str, place: tuple[int, ...], slope: float, value: Array, offsets: Array, step: Step
) -> Slice:
    before, losses = value[place].copy(), []
    try:
        with disabled(), np.errstate(all="ignore"):
            for offset in offsets:
                value[place] = before + offset
                losses.append(
                    float(step.objective.loss(step.batch, dropout_seed=step.dropout_seed)[0])
                )
    finally:
        value[place] = before
    return Slice(name, place, slope, [float(x) for x in offsets], losses)


def card_of(name: str, cards: list[Card], sums: GradientSums) -> Card | None:
    """Return the card whose backward pass contributes to the gradient of a parameter."""
    numbers = sums.contributions[name]
    for card in cards:
        if any(f.value in numbers and f.side == "backward" for f in card.fields):
            return card
    return None
