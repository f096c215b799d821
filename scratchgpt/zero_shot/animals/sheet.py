"""Pictures for people: a sheet of all kinds of animals, and a picture as characters."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.zero_shot.animals.bodies import BODIES
from scratchgpt.zero_shot.animals.coats import COATS
from scratchgpt.zero_shot.animals.pictures import draw_animals
from scratchgpt.zero_shot.animals.task import animal_kinds

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Characters for the shades of gray from dark to bright; the background is medium gray.
SHADES = ((0.2, "#"), (0.36, "+"), (0.64, " "), (0.8, "."), (np.inf, "o"))
_ORANGE = "#d95f02"
_EACH = 2  # pictures of each kind on the sheet


def draw_sheet(seed: int = 0) -> "Figure":
    """Draw two test pictures of each kind; the unseen kinds have an orange frame and their name.

    Parameters
    ----------
    seed : int

    Returns
    -------
    figure : matplotlib.figure.Figure

    Raises
    ------
    UserError
        If matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise UserError(
            "pictures need matplotlib; install it with pip install 'scratchgpt-numpy[plots]'"
        ) from None
    figure = Figure(figsize=(11, 7.2), dpi=100, layout="constrained")
    grid = figure.subplots(len(BODIES), len(COATS) * _EACH)
    for kind, axes in zip(animal_kinds(), grid.reshape(-1, _EACH), strict=True):
        pictures = draw_animals(kind.body, kind.coat, _EACH, seed=seed, part="test")
        for picture, one in zip(pictures, axes, strict=True):
            one.imshow(picture, cmap="gray", vmin=0, vmax=1)
            one.set_xticks([])
            one.set_yticks([])
            if not kind.is_seen:
                one.spines[:].set(color=_ORANGE, linewidth=3)
        color = "black" if kind.is_seen else _ORANGE
        axes[0].set_title(kind.name, loc="left", fontsize=9, color=color)
    return figure


def picture_lines(picture: Array) -> list[str]:
    """Return a picture as lines of characters, one for two rows: characters are that much taller.

    Parameters
    ----------
    picture : array (H, W)
        Gray values from 0 to 1, with an even H.
    """
    height, width = picture.shape
    shades = picture.reshape(height // 2, 2, width).mean(axis=1)
    levels = np.searchsorted([limit for limit, _ in SHADES], shades)
    return ["".join(SHADES[level][1] for level in row) for row in levels]


def beside(pictures: Sequence[Array], titles: Sequence[str], gap: int = 2) -> list[str]:
    """Return pictures as characters beside each other, below their titles."""
    width = pictures[0].shape[1]
    space = " " * gap
    rows = zip(*map(picture_lines, pictures), strict=True)
    return [
        space.join(f"{title:<{width}}" for title in titles).rstrip(),
        *(space.join(row).rstrip() for row in rows),
    ]
