"""The average of each text (T, C) over its tokens; the positions after them are padding."""

import numpy as np


def forward(x, lengths):  # (B, T, C), (B,) integers
    is_token = np.arange(x.shape[1]) < lengths[:, None]  # (B, T)
    y = (x * is_token[..., None]).sum(axis=1) / lengths[:, None]  # (B, C)
    return y, (is_token, lengths)


def backward(dy, saved):
    """Return dx (B, T, C). dy is (B, C), and lengths have no gradient."""
    is_token, lengths = saved  # (B, T), (B,)
    share = dy / lengths[:, None]  # (B, C)
    return share[:, None] * is_token[..., None]  # (B, T, C): a sum becomes a repeat
