"""Pictures of animals: a body with a coat, at a random size and place, with noise."""

import numpy as np

from scratchgpt.arguments import check_whole
from scratchgpt.backend import Array, random_stream
from scratchgpt.zero_shot.animals.bodies import BODIES
from scratchgpt.zero_shot.animals.coats import BRIGHT, COATS, DARK
from scratchgpt.zero_shot.animals.shapes import Frame

SIDE = 24  # pixels
NOISE = 0.08  # standard deviation; black is 0 and white is 1
BACKGROUND = 0.5


def draw_animals(body: str, coat: str, n: int, *, seed: int = 0, part: str = "train") -> Array:
    """Draw pictures of one kind of animal.

    Each picture has a random size, place, slight rotation, direction, contrast and noise. The
    pictures depend on the arguments alone.

    Parameters
    ----------
    body, coat : str
        Keys of ``BODIES`` and ``COATS``.
    n : int
    seed : int
    part : str
        Pictures of different parts are independent, for example ``"train"`` and ``"test"``.

    Returns
    -------
    pictures : array (n, 24, 24) of float32
        Gray values from 0 (black) to 1 (white).
    """
    n = check_whole("n", n, least=1)
    rng = random_stream(seed, "animals", part, body, coat)
    frame = _random_frame(n, rng)
    drawn = BODIES[body](frame)
    contrast = rng.uniform(0.8, 1.0, (n, 1, 1))
    pictures = np.full(frame.x.shape, BACKGROUND)
    for covered, brightness in (
        (drawn.bright, BRIGHT),
        (drawn.coat, COATS[coat](frame, rng)),
        (drawn.dark, DARK - 0.05),
    ):
        shade = BACKGROUND + contrast * (brightness - BACKGROUND)
        pictures += covered * (shade - pictures)
    pictures += NOISE * rng.standard_normal(pictures.shape)
    return np.clip(pictures, 0.0, 1.0).astype(np.float32)


def _random_frame(n: int, rng: np.random.Generator) -> Frame:
    """Return the pixels of n pictures in the frames of their animals."""
    size = rng.uniform(8.5, 11.5, (n, 1, 1))  # pixels per unit
    shift = rng.uniform(-1.5, 1.5, (2, n, 1, 1))
    angle = rng.uniform(-0.1, 0.1, (n, 1, 1))
    direction = np.where(rng.random((n, 1, 1)) < 0.5, -1.0, 1.0)
    center = (SIDE - 1) / 2
    row, column = np.mgrid[0:SIDE, 0:SIDE]
    right = (column - center - shift[0]) / size * direction
    up = (center - row - shift[1]) / size
    x = np.cos(angle) * right + np.sin(angle) * up
    y = np.cos(angle) * up - np.sin(angle) * right
    return Frame(x, y, 1.0 / size)
