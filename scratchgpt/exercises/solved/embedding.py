"""Look up the rows of a table: y = weight[tokens]. Tokens may occur more than once."""

import numpy as np


def forward(tokens, weight):  # (B, T) integers, (V, C)
    y = weight[tokens]  # (B, T, C)
    return y, (tokens, weight.shape)


def backward(dy, saved):
    """Return dweight (V, C). dy is (B, T, C), and tokens have no gradient."""
    tokens, shape = saved
    dweight = np.zeros(shape, dy.dtype)  # (V, C)
    np.add.at(dweight, tokens, dy)  # adds once for each time that a token occurs
    return dweight
