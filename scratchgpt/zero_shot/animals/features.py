"""Features of pictures: the pixels, and histograms of the orientation of their edges."""

import numpy as np

from scratchgpt.backend import Array

CELL = 4  # pixels
N_ORIENTATIONS = 8


def picture_features(pictures: Array) -> Array:
    """Return the pixels of each picture with its orientation histograms.

    Parameters
    ----------
    pictures : array (N, H, W)
        H and W are multiples of 4.

    Returns
    -------
    features : array (N, d) of float64
    """
    pictures = np.asarray(pictures, dtype=np.float64)
    n, height, width = pictures.shape
    pixels = pictures.reshape(n, height // 2, 2, width // 2, 2).mean(axis=(2, 4))
    cells = orientation_histograms(pictures)
    parts = (pixels, np.sqrt(cells), np.sqrt(cells.sum(axis=(1, 2))))
    return np.concatenate([part.reshape(n, -1) for part in parts], axis=1)


def orientation_histograms(pictures: Array) -> Array:
    r"""Return histograms of the orientation of edges, weighted by their strength.

    The gradient :math:`(g_x, g_y)` of each pixel, by central differences, has a strength
    :math:`\sqrt{g_x^2 + g_y^2}` and an orientation, which is the same for a gradient and its
    opposite. The strength is divided between the two nearest of 8 orientations, and summed over
    cells of 4 x 4 pixels (Dalal and Triggs 2005, without the normalization of blocks).

    Parameters
    ----------
    pictures : array (N, H, W)

    Returns
    -------
    histograms : array (N, H / 4, W / 4, 8)
    """
    n, height, width = pictures.shape
    padded = np.pad(pictures, ((0, 0), (1, 1), (1, 1)), mode="edge")
    gx = padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]
    gy = padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]
    strength = np.hypot(gx, gy)
    angle = (np.arctan2(gy, gx) % np.pi) * (N_ORIENTATIONS / np.pi)
    lower = np.floor(angle).astype(np.int64) % N_ORIENTATIONS
    share = angle - np.floor(angle)
    rows, columns = np.arange(height) // CELL, np.arange(width) // CELL
    shape = (n, height // CELL, width // CELL, N_ORIENTATIONS)
    cell = (np.arange(n)[:, None, None] * shape[1] + rows[:, None]) * shape[2] + columns
    histograms = np.zeros(int(np.prod(shape)))
    for orientation, part in ((lower, 1.0 - share), ((lower + 1) % N_ORIENTATIONS, share)):
        place = (cell * N_ORIENTATIONS + orientation).ravel()
        histograms += np.bincount(place, (strength * part).ravel(), len(histograms))
    return histograms.reshape(shape)
