"""Attention masks, and their conversion from PyTorch's conventions."""

from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array


class Masks(NamedTuple):
    """The masks of one attention, with the meaning of :func:`scratchgpt.ops.attention_forward`.

    The compiled kernel supports every combination of ``key_padding_mask`` and ``causal``, also with
    groups of heads, a window and a soft cap. With a ``mask``, the NumPy reference runs instead.
    """

    mask: Array | None = None  # broadcasts to (B, H, T, S); bool (True allows), or added to scores
    key_padding_mask: Array | None = None  # (B, S) bool, True is padding
    causal: bool = False


UNMASKED = Masks()
CAUSAL = Masks(causal=True)


def read_masks(
    mask: Array | None,
    key_padding_mask: Array | None,
    names: tuple[str, str],
    shape: tuple[int, int, int, int],
) -> Masks:
    """Convert masks of ``torch.nn.Transformer``: True forbids, a floating-point mask is added.

    Parameters
    ----------
    mask : bool or floating array (T, S) or (B H, T, S), optional
        With the first axis B H, there is one mask per batch row and head, ordered by batch row.
    key_padding_mask : bool or floating array (B, S), optional
    names : pair of str
        Names of the two masks for error messages.
    shape : (B, H, T, S)

    Raises
    ------
    ValueError
        If the shape of a mask is wrong.
    TypeError
        If a mask is neither boolean nor floating point.
    """
    n_batch, n_head, n_queries, n_keys = shape
    square = (n_queries, n_keys)
    _check(names[0], mask, square, (n_batch * n_head, *square))
    _check(names[1], key_padding_mask, (n_batch, n_keys))
    if mask is not None and mask.ndim == 3:
        mask = mask.reshape(shape)
    if key_padding_mask is not None and key_padding_mask.dtype != bool:  # floating: add it, too
        added, key_padding_mask = key_padding_mask[:, None, None, :], None
        mask = added if mask is None else _additive(mask) + added
    elif mask is not None and mask.dtype == bool:
        mask = ~mask
    return Masks(mask, key_padding_mask)


def _additive(mask: Array) -> Array:
    """Convert a mask to an addend of the scores; True in a boolean mask becomes -inf."""
    return np.where(mask, -np.inf, 0.0) if mask.dtype == bool else mask


def _check(name: str, mask: Array | None, *shapes: tuple[int, ...]) -> None:
    if mask is None:
        return
    if mask.dtype != bool and mask.dtype.kind != "f":
        raise TypeError(f"{name} is {mask.dtype}; use bool (True forbids) or a floating dtype")
    if mask.shape not in shapes:
        expected = " or ".join(str(shape) for shape in shapes)
        raise ValueError(f"{name} has shape {mask.shape}; it must be {expected}")
