"""The update of every parameter, and the loss along the weight with the largest gradient."""

import math
from dataclasses import dataclass, field, replace

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.explore.cards import Card
from scratchgpt.explore.muon import Part, numbers_of, orthogonalized, parts_of
from scratchgpt.explore.record import Recording
from scratchgpt.explore.step import OptimizerState, Step
from scratchgpt.explore.unfold.sums import GradientSums
from scratchgpt.explore.values import Values, total
from scratchgpt.kernels import disabled
from scratchgpt.layers.parameters import Parameter
from scratchgpt.optim import Muon, MuonWithAdamW, clip_scale, global_norm

POINTS = 21


@dataclass(frozen=True)
class Row:
    """One parameter.

    Attributes
    ----------
    name : str
    value, grad : int
        Numbers of its arrays. ``grad`` is None if it is frozen.
    moments : tuple of (str, int)
        What the optimizer computes the new value from, besides the gradient: names, and numbers of
        arrays. m and v of AdamW; M, the average ahead of it, and the orthogonal step of Muon.
    after : int or None
        The new value; None without an optimizer.
    decays : bool
        Whether weight decay applies; False without an optimizer.
    parts : tuple of Part
        The matrices that Muon moves; empty with AdamW.
    """

    name: str
    value: int
    grad: int | None
    moments: tuple[tuple[str, int], ...] = ()
    after: int | None = None
    decays: bool = False
    parts: tuple[Part, ...] = ()


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
    adam, muon : dict of str to float
        The constants of each optimizer in this step, for the script of the page; empty without it.
    """

    rows: list[Row]
    norm: float
    clip: float = 1.0
    adam: dict[str, float] = field(default_factory=dict)
    muon: dict[str, float] = field(default_factory=dict)

    @property
    def is_made(self) -> bool:
        """Whether there is an optimizer, and the gradient is finite."""
        return bool(self.adam)


def compute_update(recording: Recording, values: Values, sums: GradientSums) -> Update:
    """Update the parameters on the reference, and restore them."""
    step, store = recording.step, recording.step.model.store
    flat = store.grads
    with disabled():
        norm = global_norm(flat)
    rows = [_row(name, recording, values, sums) for name in store.named]
    state = step.optimizer
    if state is None or not math.isfinite(norm):
        return Update(rows, norm)
    config, before = state.config, store.values.copy()
    clip = clip_scale(norm, config.grad_clip) if config.grad_clip else 1.0
    optimizer = state.restored(store)
    with disabled(), np.errstate(all="ignore"):
        optimizer.step(state.lr, clip)
    after = {name: p.value.copy() for name, p in store.named.items()}
    store.values[...] = before
    adam = {
        **{"lr": state.lr, "beta1": config.beta1, "beta2": config.beta2, "eps": config.eps},
        **{"decay": config.weight_decay, "clip": clip, "t": state.n_steps + 1},
    }
    muon: dict[str, float] = {}
    if isinstance(optimizer, MuonWithAdamW):
        muon = numbers_of(optimizer.muon, config.muon_lr_ratio * state.lr, clip)
    made = []
    for row in rows:
        parameter, new = store.named[row.name], after[row.name]
        if row.grad is None:
            made.append(row)
        elif isinstance(optimizer, MuonWithAdamW) and parameter.columns:
            made.append(_by_muon(row, parameter, state, optimizer.muon, muon, new, values))
        else:
            made.append(_by_adamw(row, parameter, state, new, values))
    return Update(made, norm, clip, adam, muon)


def _by_adamw(
    row: Row, parameter: Parameter, state: OptimizerState, after: Array, values: Values
) -> Row:
    """Return a row with both moments of AdamW and the new value."""
    m, v = (values.add(state.moments[f"{name}.{row.name}"]) for name in ("exp_avg", "exp_avg_sq"))
    how = {"k": "adam", "a": row.value, "b": row.grad, "c": m, "d": v, "decays": parameter.decays}
    moments = (("m", m), ("v", v))
    return replace(row, moments=moments, after=values.add(after, how), decays=parameter.decays)


def _by_muon(
    row: Row,
    parameter: Parameter,
    state: OptimizerState,
    optimizer: Muon,
    numbers: dict[str, float],
    after: Array,
    values: Values,
) -> Row:
    """Return a row with momentum, the step before and after it is made orthogonal, the new value.

    ``optimizer`` has made its step.
    """
    assert row.grad is not None
    buffer, mu = f"momentum_buffer.{row.name}", optimizer.momentum
    grad, updated = values[row.grad].array, optimizer.named_moments()[buffer]
    ahead = updated * mu + grad * (numbers["clip"] * (1 - mu))
    parts = parts_of(parameter, optimizer, numbers["lr"])
    with disabled():
        step = orthogonalized(ahead, parts)
    columns, rates = list(parameter.columns), [part.rate for part in parts]
    m = values.add(state.moments[buffer])
    u = values.add(ahead, {"k": "ahead", "a": row.grad, "b": m})
    o = values.add(step, {"k": "orthogonal", "a": u, "columns": columns})
    how = {"k": "muon", "a": row.value, "b": o, "columns": columns, "rates": rates}
    return replace(
        row,
        moments=(("M", m), ("ahead", u), ("O", o)),
        after=values.add(after, how),
        decays=parameter.decays,
        parts=parts,
    )


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
