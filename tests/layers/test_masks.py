"""Masks in PyTorch's conventions, compared with a matrix of allowed positions."""

import itertools

import numpy as np
import pytest

from scratchgpt.layers import CAUSAL, UNMASKED, read_masks
from scratchgpt.ops import attention_forward

NAMES = "a_mask", "a_key_padding_mask"
SHAPE = B, H, T, S = 2, 3, 4, 5
rng = np.random.default_rng(0)
FORBIDDEN = {
    "none": None,
    "one for all": rng.random((T, S)) < 0.4,
    "one per head": rng.random((B * H, T, S)) < 0.4,
}
PADDING = {"none": None, "padding": np.array([[False] * 5, [False, True, False, True, True]])}


def as_floating(mask):
    return None if mask is None else np.where(mask, -np.inf, 0.0)


@pytest.mark.parametrize("forbidden", FORBIDDEN)
@pytest.mark.parametrize("padding", PADDING)
def test_boolean_and_floating_masks_agree(forbidden, padding, assert_close):
    """Every combination of mask types forbids exactly what the two boolean masks forbid."""
    mask, key_padding_mask = FORBIDDEN[forbidden], PADDING[padding]
    allowed = np.ones(SHAPE, bool)
    if mask is not None:
        allowed &= ~mask.reshape(SHAPE if mask.ndim == 3 else (T, S))
    if key_padding_mask is not None:
        allowed &= ~key_padding_mask[:, None, None, :]
    q, k, v = (rng.standard_normal((B, H, n, 6)) for n in (T, S, S))
    expected, _ = attention_forward(q, k, v, mask=allowed)
    for of_mask, of_padding in itertools.product((lambda m: m, as_floating), repeat=2):
        masks = read_masks(of_mask(mask), of_padding(key_padding_mask), NAMES, SHAPE)
        assert_close(attention_forward(q, k, v, *masks)[0], expected, 1e-14)


def test_floating_masks_are_added(assert_close):
    added, of_keys = rng.standard_normal((T, S)), rng.standard_normal((B, S))
    masks = read_masks(added, of_keys, NAMES, SHAPE)
    np.testing.assert_array_equal(masks.mask, added + of_keys[:, None, None, :])
    assert masks.key_padding_mask is None


def test_padding_alone_still_uses_the_kernel():
    masks = read_masks(None, PADDING["padding"], NAMES, SHAPE)
    assert masks.mask is None
    assert masks.key_padding_mask is PADDING["padding"]
    assert read_masks(None, None, NAMES, SHAPE) == UNMASKED
    assert UNMASKED._replace(causal=True) == CAUSAL
