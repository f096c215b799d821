"""Pictures of arrays: one pixel for each number, orange above 0 and blue below.

The color of 0 is transparent, so that a picture fits a light and a dark page. The opacity of a
number is the square root of its size relative to the largest, because gradients are rarely even.
What is not finite, such as a masked score, is gray.
"""

import struct
import zlib
from base64 import b64encode

import numpy as np

ABOVE, BELOW, NOT_FINITE = (234, 108, 12), (37, 99, 235), (128, 128, 128, 70)
LARGEST = (190, 96)  # of a picture in CSS pixels: width, height
CELL = 9  # of a picture of few numbers


def matrix_of(array: np.ndarray) -> np.ndarray:
    """Arrange an array as a matrix: matrices of a third axis are side by side, one column apart."""
    array = np.asarray(array, np.float64)
    if array.ndim < 2:
        return array.reshape(1, -1)
    parts = array.reshape(-1, *array.shape[-2:])
    gap = np.zeros((parts.shape[1], 1))
    columns = [piece for part in parts for piece in (part, gap)][:-1]
    return np.concatenate(columns, axis=1)


def colors(matrix: np.ndarray) -> np.ndarray:
    """Return the colors (rows, columns, 4) of a matrix: red, green, blue and opacity."""
    finite = np.isfinite(matrix)
    sizes = np.abs(np.where(finite, matrix, 0.0))
    opacity = np.sqrt(sizes / (sizes.max(initial=0.0) or 1.0))
    rgba = np.zeros((*matrix.shape, 4), np.uint8)
    rgba[..., :3] = np.where((matrix > 0)[..., None], ABOVE, BELOW)
    rgba[..., 3] = np.round(255 * opacity)
    rgba[~finite] = NOT_FINITE
    return rgba


def png(rgba: np.ndarray) -> bytes:
    """Encode an image as PNG (ISO/IEC 15948, section 5)."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    height, width, _ = rgba.shape
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    rows = b"".join(b"\0" + row.tobytes() for row in rgba)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def address(array: np.ndarray) -> str:
    """Return the picture of an array as a ``data:`` address."""
    return "data:image/png;base64," + b64encode(png(colors(matrix_of(array)))).decode()


def size_of(array: np.ndarray) -> tuple[int, int]:
    """Return the width and the height of a picture in CSS pixels; the cells are squares."""
    height, width = matrix_of(array).shape
    cell = min(CELL, LARGEST[0] / width, LARGEST[1] / height)
    return max(1, round(width * cell)), max(4, round(height * cell))


def described(array: np.ndarray) -> str:
    """Describe an array for readers who do not see its picture."""
    shape = "×".join(str(n) for n in np.shape(array)) or "1"
    finite = np.asarray(array, np.float64)[np.isfinite(array)]
    low, high = finite.min(initial=np.inf), finite.max(initial=-np.inf)
    return f"{shape} numbers from {low:.2g} to {high:.2g}"


def image(array: np.ndarray, name: str) -> str:
    """Return the picture of an array as HTML."""
    width, height = size_of(array)
    return (
        f'<img class="heatmap" alt="{name}: {described(array)}" width="{width}" height="{height}" '
        f'src="{address(array)}"/>'
    )
