"""How Muon updates a parameter: momentum, the average one step ahead, and that made orthogonal."""

from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.layers.parameters import Parameter
from scratchgpt.optim import Muon, newton_schulz, rate_factor
from scratchgpt.optim.orthogonalize import COEFFICIENTS, EPS, N_ITERATIONS


class Part(NamedTuple):
    """One matrix of a parameter; a parameter with queries, keys and values has three.

    Attributes
    ----------
    columns : slice
        Its columns in the parameter.
    rate : float
        The learning rate times the factor of its shape.
    """

    columns: slice
    rate: float


def parts_of(parameter: Parameter, optimizer: Muon, lr: float) -> tuple[Part, ...]:
    """Return the matrices of a parameter."""
    parts, start = [], 0
    for width in parameter.columns:
        rate = lr * rate_factor((parameter.shape[0], width), optimizer.adjust_lr)
        parts.append(Part(slice(start, start + width), rate))
        start += width
    return tuple(parts)


def orthogonalized(x: Array, parts: tuple[Part, ...]) -> Array:
    """Return a parameter whose matrices are made orthogonal one by one."""
    y = np.empty_like(x)
    for part in parts:
        y[:, part.columns] = newton_schulz(x[:, part.columns])
    return y


def spread(x: Array, *, divide: bool = False) -> tuple[float, float]:
    """Return the smallest and the largest singular value, optionally divided by the norm."""
    sizes = np.linalg.svd(x, compute_uv=False)
    norm = max(float(np.linalg.norm(x)), EPS) if divide else 1.0
    return float(sizes[-1]) / norm, float(sizes[0]) / norm


def numbers_of(optimizer: Muon, lr: float, clip: float) -> dict[str, float]:
    """Return the constants of Muon in a step, for the script of the page."""
    a, b, c = COEFFICIENTS
    return {
        **{"lr": lr, "momentum": optimizer.momentum, "decay": optimizer.weight_decay},
        **{"clip": clip, "a": a, "b": b, "c": c, "eps": EPS, "iterations": N_ITERATIONS},
    }
