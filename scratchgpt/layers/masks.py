"""What an attention may not look at, and how PyTorch's masks say it."""

from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array


class Masks(NamedTuple):
    """The masks of one attention, as :func:`scratchgpt.ops.attention_forward` takes them.

    The compiled kernel serves every combination of the last two; a ``mask`` takes the reference.
    """

    mask: Array | None = None  # broadcasts to (B, H, T, S); True is allowed, or added to the scores
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
    """Masks as ``torch.nn.Transformer`` has them: True forbids, a floating one is added.

    Parameters
    ----------
    mask : bool or floating array (T, S) or (B H, T, S), optional
        The latter is one for each head of each row of the batch, row by row.
    key_padding_mask : bool or floating array (B, S), optional
    names : pair of str
        What the caller calls the two.
    shape : (B, H, T, S)

    Raises
    ------
    ValueError
        If a mask has another shape; says which was expected.
    TypeError
        If it is neither boolean nor floating.
    """
    n_batch, n_head, n_queries, n_keys = shape
    square = (n_queries, n_keys)
    _check(names[0], mask, square, (n_batch * n_head, *square))
    _check(names[1], key_padding_mask, (n_batch, n_keys))
    if mask is not None and mask.ndim == 3:
        mask = mask.reshape(shape)
    if key_padding_mask is not None and key_padding_mask.dtype != bool:  # one more to be added
        added, key_padding_mask = key_padding_mask[:, None, None, :], None
        mask = added if mask is None else _additive(mask) + added
    elif mask is not None and mask.dtype == bool:
        mask = ~mask
    return Masks(mask, key_padding_mask)


def _additive(mask: Array) -> Array:
    """What is added to the scores: -inf where a boolean mask is True."""
    return np.where(mask, -np.inf, 0.0) if mask.dtype == bool else mask


def _check(name: str, mask: Array | None, *shapes: tuple[int, ...]) -> None:
    if mask is None:
        return
    if mask.dtype != bool and mask.dtype.kind != "f":
        raise TypeError(f"{name} is {mask.dtype}; give it as bool (True forbids) or floating")
    if mask.shape not in shapes:
        expected = " or ".join(str(shape) for shape in shapes)
        raise ValueError(f"{name} is {mask.shape} but must be {expected}")
