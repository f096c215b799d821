"""The six bodies: what each of them looks like, in profile, with the head on the right."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.zero_shot.animals.shapes import Frame, Point, ellipse, limb, polygon


class Drawn(NamedTuple):
    """A body.

    Attributes
    ----------
    coat : array (N, H, W)
        Share of each pixel that the coat covers.
    dark, bright : array (N, H, W)
        Shares that dark parts (hooves, eye, beak) and bright parts (horns, waves) cover.
    """

    coat: Array
    dark: Array
    bright: Array


def _joined(parts: list[Array]) -> Array:
    return np.maximum.reduce(parts)


def _nothing(frame: Frame) -> Array:
    return np.zeros(frame.x.shape)


def _legs(frame: Frame, places: list[float], top: float, bottom: float, radius: float) -> Array:
    return _joined([limb(frame, [(x, top), (x, bottom)], radius) for x in places])


def _hooves(frame: Frame, places: list[float], bottom: float) -> Array:
    return _joined([limb(frame, [(x, bottom), (x + 0.05, bottom)], 0.085) for x in places])


def _eye(frame: Frame, center: Point) -> Array:
    return ellipse(frame, center, (0.05, 0.05))


def _waves(frame: Frame, level: float) -> Array:
    """Return the coverage of a wavy line from edge to edge."""
    height = level + 0.06 * np.sin(8.0 * frame.x)
    return np.clip(0.5 - (np.abs(frame.y - height) - 0.05) / frame.pixel, 0.0, 1.0)


def _horse(frame: Frame) -> Drawn:
    places = [-0.58, -0.36, 0.16, 0.36]
    coat = [
        ellipse(frame, (-0.1, 0.05), (0.58, 0.25)),
        limb(frame, [(0.3, 0.15), (0.56, 0.62)], 0.15),
        limb(frame, [(0.58, 0.64), (0.86, 0.42)], 0.11),
        polygon(frame, [(0.44, 0.66), (0.62, 0.7), (0.5, 0.98)]),
        _legs(frame, places, 0.0, -0.7, 0.075),
        limb(frame, [(-0.62, 0.15), (-0.8, -0.05), (-0.84, -0.42)], 0.07),
    ]
    dark = [_hooves(frame, places, -0.8), _eye(frame, (0.62, 0.66))]
    return Drawn(_joined(coat), _joined(dark), _nothing(frame))


def _cow(frame: Frame) -> Drawn:
    places = [-0.55, -0.34, 0.2, 0.42]
    coat = [
        limb(frame, [(-0.44, 0.1), (0.22, 0.1)], 0.32),
        ellipse(frame, (0.74, 0.24), (0.24, 0.19)),
        _legs(frame, places, -0.1, -0.68, 0.09),
        limb(frame, [(-0.74, 0.3), (-0.86, 0.0), (-0.84, -0.3)], 0.045),
        ellipse(frame, (-0.84, -0.38), (0.08, 0.1)),
    ]
    dark = [_hooves(frame, places, -0.8), _eye(frame, (0.76, 0.32))]
    horns = [
        limb(frame, [(0.62, 0.42), (0.5, 0.66)], 0.04),
        limb(frame, [(0.78, 0.44), (0.94, 0.66)], 0.04),
    ]
    return Drawn(_joined(coat), _joined(dark), _joined(horns))


def _cat(frame: Frame) -> Drawn:
    coat = [
        ellipse(frame, (-0.12, -0.14), (0.5, 0.24)),
        ellipse(frame, (0.48, 0.22), (0.3, 0.27)),
        polygon(frame, [(0.2, 0.34), (0.46, 0.46), (0.24, 0.74)]),
        polygon(frame, [(0.5, 0.46), (0.76, 0.34), (0.72, 0.74)]),
        _legs(frame, [-0.5, -0.34, 0.12, 0.28], -0.15, -0.68, 0.08),
        limb(frame, [(-0.56, -0.05), (-0.8, 0.2), (-0.78, 0.52), (-0.62, 0.66)], 0.07),
    ]
    dark = [_eye(frame, (0.4, 0.28)), _eye(frame, (0.62, 0.28)), _eye(frame, (0.5, 0.12))]
    return Drawn(_joined(coat), _joined(dark), _nothing(frame))


def _swan(frame: Frame) -> Drawn:
    coat = [
        ellipse(frame, (-0.08, -0.24), (0.62, 0.27)),
        polygon(frame, [(-0.62, 0.3), (0.2, -0.2), (0.1, 0.18), (-0.72, 0.56)]),
        limb(frame, [(0.42, -0.2), (0.62, 0.12), (0.42, 0.42), (0.52, 0.66)], 0.09),
        ellipse(frame, (0.56, 0.68), (0.15, 0.12)),
    ]
    dark = [limb(frame, [(0.72, 0.66), (0.84, 0.6)], 0.06), _eye(frame, (0.58, 0.72))]
    waves = [_waves(frame, -0.56), _waves(frame, -0.82)]
    return Drawn(_joined(coat), _joined(dark), _joined(waves))


def _fish(frame: Frame) -> Drawn:
    coat = [
        ellipse(frame, (0.14, -0.05), (0.62, 0.34)),
        polygon(frame, [(-0.36, -0.05), (-0.88, 0.34), (-0.74, -0.05)]),
        polygon(frame, [(-0.36, -0.05), (-0.74, -0.05), (-0.88, -0.44)]),
        polygon(frame, [(-0.1, 0.22), (0.34, 0.22), (-0.06, 0.48)]),
        polygon(frame, [(0.0, -0.32), (-0.02, -0.54), (0.24, -0.34)]),
    ]
    waves = [_waves(frame, 0.7), _waves(frame, 0.95)]
    return Drawn(_joined(coat), _eye(frame, (0.52, 0.04)), _joined(waves))


def _snake(frame: Frame) -> Drawn:
    t = np.linspace(-0.95, 0.62, 12)
    spine = [(float(x), float(0.3 * np.sin(5.6 * x + 0.4) - 0.1)) for x in t]
    head = (spine[-1][0] + 0.12, spine[-1][1] + 0.03)
    coat = [limb(frame, spine, 0.15), ellipse(frame, head, (0.22, 0.17))]
    tongue = limb(frame, [(head[0] + 0.2, head[1]), (head[0] + 0.36, head[1] + 0.02)], 0.03)
    eye = _eye(frame, (head[0] + 0.04, head[1] + 0.05))
    return Drawn(_joined(coat), _joined([tongue, eye]), _nothing(frame))


BODIES: dict[str, Callable[[Frame], Drawn]] = {
    "horse": _horse,
    "cow": _cow,
    "cat": _cat,
    "swan": _swan,
    "fish": _fish,
    "snake": _snake,
}
