"""Plot of cross-attention: the attention of each translated word to the source words."""

import warnings
from pathlib import Path
from typing import Any

from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.escapes import plot_text
from scratchgpt.files import replacing

_SQUARE = 0.34  # inches per word


def draw_alignment(
    path: Path | str, weights: Array, target_words: list[str], source_words: list[str]
) -> None:
    """Plot attention weights as a grid, with the source words on top and the target words left.

    Parameters
    ----------
    path : path
        File to write; its extension (.png, .pdf, .svg) determines the format.
    weights : array (target words, source words)
        From 0 to 1.
    target_words, source_words : list of str

    Raises
    ------
    UserError
        If matplotlib is not installed, or the picture cannot be written.
    """
    path = Path(path)
    figure = _figure(weights.shape)
    axes = figure.subplots()
    image = axes.imshow(weights, cmap="Blues", vmin=0, vmax=1, aspect="equal")
    source, target = (list(map(plot_text, words)) for words in (source_words, target_words))
    axes.set_xticks(range(len(source)), source, rotation=55, ha="left")
    axes.set_yticks(range(len(target)), target)
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.set_xlabel("source", color="#666666")
    axes.set_ylabel("translation", color="#666666")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    for edges, along in ((weights.shape[1], axes.axvline), (weights.shape[0], axes.axhline)):
        for edge in range(1, edges):
            along(edge - 0.5, color="white", linewidth=1.5)
    bar = figure.colorbar(image, ax=axes, aspect=25, fraction=0.05, pad=0.02)
    bar.set_label("attention, mean over layers and heads", color="#666666")
    bar.outline.set_visible(False)
    format = _format(figure, path)
    with replacing(path) as temporary, warnings.catch_warnings():
        # A letter that is missing from the font is drawn as a box.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(temporary, format=format)


def _figure(shape: tuple[int, ...]) -> Any:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise UserError(
            "a picture needs matplotlib; install it with pip install 'scratchgpt-numpy[plots]'"
        ) from None
    n_target, n_source = shape
    size = (3.2 + _SQUARE * max(n_source, 4), 2.0 + _SQUARE * max(n_target, 6))
    return Figure(figsize=size, dpi=160, layout="constrained")


def _format(figure: Any, path: Path) -> str:
    """Return the format for the extension of the file name."""
    format = path.suffix.removeprefix(".").lower()
    known = figure.canvas.get_supported_filetypes()
    if format not in known:
        raise UserError(f"{path} must end in a format for pictures, such as .png, .pdf or .svg")
    return format
