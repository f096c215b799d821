"""Shapes that the animals consist of, as the share of each pixel that a shape covers.

All functions take the coordinates of the pixels in the frame of the animal: x points to its head
and y upwards, and the animal is about two units long. ``pixel`` is the size of a pixel in these
units, which makes the edges one pixel wide.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array

Point = tuple[float, float]


class Frame(NamedTuple):
    """The pixels of some pictures, in the frame of the animal in each.

    Attributes
    ----------
    x, y : array (N, H, W)
    pixel : array (N, 1, 1)
        Size of a pixel.
    """

    x: Array
    y: Array
    pixel: Array


def ellipse(frame: Frame, center: Point, radii: Point) -> Array:
    """Return the coverage of an ellipse with axes along x and y; array (N, H, W)."""
    u, v = (frame.x - center[0]) / radii[0], (frame.y - center[1]) / radii[1]
    r = np.sqrt(u * u + v * v)
    # To first order, the distance to the edge is (r - 1) / |gradient of r|.
    slope = np.sqrt((u / radii[0]) ** 2 + (v / radii[1]) ** 2) / np.maximum(r, 1e-9)
    return _covered(frame, (r - 1) / np.maximum(slope, 1e-9))


def limb(frame: Frame, points: list[Point], radius: float) -> Array:
    """Return the coverage of a line with round ends through the points; array (N, H, W)."""
    distance = np.full(frame.x.shape, np.inf)
    for (ax, ay), (bx, by) in pairwise(points):
        along = ((frame.x - ax) * (bx - ax) + (frame.y - ay) * (by - ay)) / (
            (bx - ax) ** 2 + (by - ay) ** 2
        )
        t = np.clip(along, 0.0, 1.0)
        dx, dy = frame.x - ax - t * (bx - ax), frame.y - ay - t * (by - ay)
        distance = np.minimum(distance, dx * dx + dy * dy)
    return _covered(frame, np.sqrt(distance) - radius)


def polygon(frame: Frame, corners: list[Point]) -> Array:
    """Return the coverage of a convex polygon, corners counterclockwise; array (N, H, W)."""
    distance = np.full(frame.x.shape, -np.inf)
    for (ax, ay), (bx, by) in zip(corners, corners[1:] + corners[:1], strict=True):
        length = np.hypot(bx - ax, by - ay)
        outwards = ((by - ay) * (frame.x - ax) - (bx - ax) * (frame.y - ay)) / length
        distance = np.maximum(distance, outwards)
    return _covered(frame, distance)


def _covered(frame: Frame, distance: Array) -> Array:
    return np.clip(0.5 - distance / frame.pixel, 0.0, 1.0)
