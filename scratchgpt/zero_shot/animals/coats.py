"""The five coats: the brightness of an animal at each point of its body, from 0 to 1."""

from collections.abc import Callable

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.zero_shot.animals.shapes import Frame

DARK, BRIGHT = 0.1, 0.95


def _uniform(frame: Frame, value: float) -> Array:
    return np.full(frame.x.shape, value)


def _dark(frame: Frame, rng: np.random.Generator) -> Array:
    return _uniform(frame, DARK + 0.05)


def _light(frame: Frame, rng: np.random.Generator) -> Array:
    return _uniform(frame, BRIGHT - 0.05)


def _mixed(share: Array) -> Array:
    """Return the brightness for the share of dark hair."""
    return BRIGHT + (DARK - BRIGHT) * np.clip(share, 0.0, 1.0)


def _stripes(frame: Frame, rng: np.random.Generator) -> Array:
    n = len(frame.x)
    period = rng.uniform(0.32, 0.4, (n, 1, 1))
    phase = rng.uniform(0, 2 * np.pi, (n, 1, 1))
    lean = rng.uniform(-0.25, 0.25, (n, 1, 1))
    wave = np.sin(2 * np.pi * (frame.x + lean * frame.y) / period + phase)
    return _mixed(0.5 + 1.2 * wave)


def _spots(frame: Frame, rng: np.random.Generator) -> Array:
    n = len(frame.x)
    step = rng.uniform(0.34, 0.4, (n, 1, 1))
    a, b = rng.uniform(0, 1, (2, n, 1, 1))
    row = np.floor(frame.y / step + b)
    u = (frame.x / step + a + 0.5 * (row % 2)) % 1 - 0.5  # every second row is shifted
    v = (frame.y / step + b) % 1 - 0.5
    distance = (np.sqrt(u * u + v * v) - 0.27) * step
    return _mixed(0.5 - distance / frame.pixel)


def _patches(frame: Frame, rng: np.random.Generator) -> Array:
    n = len(frame.x)
    field = np.zeros(frame.x.shape)
    for _ in range(3):
        angle = rng.uniform(0, np.pi, (n, 1, 1))
        phase = rng.uniform(0, 2 * np.pi, (n, 1, 1))
        length = rng.uniform(0.8, 1.2, (n, 1, 1))
        along = np.cos(angle) * frame.x + np.sin(angle) * frame.y
        field += np.sin(2 * np.pi * along / length + phase)
    return _mixed(0.5 + 3 * field)


COATS: dict[str, Callable[[Frame, np.random.Generator], Array]] = {
    "dark": _dark,
    "light": _light,
    "stripes": _stripes,
    "spots": _spots,
    "patches": _patches,
}
