"""Last-token pooling: one vector for each text, the state at its last token."""

from typing import NamedTuple

from scratchgpt.backend import Array, array_module, check_upstream, to_device_of
from scratchgpt.memory import empty, zeros
from scratchgpt.ops.mean_pool import check_lengths
from scratchgpt.ops.observe import observed


class LastPoolSaved(NamedTuple):
    lengths: Array  # (B,)
    shape: tuple[int, int, int]  # of x: (B, T, C)


@observed
def last_pool_forward(x: Array, lengths: Array) -> tuple[Array, LastPoolSaved]:
    """Select the state at the last token of each text, y = x[n - 1].

    Under a causal mask, only the last token has seen the whole text (Neelakantan et al. 2022,
    arXiv:2201.10005, section 2).

    Parameters
    ----------
    x : array (B, T, C)
        States; those after the last token of a text are padding.
    lengths : integer array (B,)
        Number of tokens of each text, from 1 to T.

    Returns
    -------
    y : array (B, C)
    saved : LastPoolSaved

    Raises
    ------
    ValueError
        If the shapes do not match, or a length is out of range.
    TypeError
        If x is not a floating-point array, or the lengths are not integers.
    """
    shape = check_lengths("last_pool", x, lengths)
    y = empty((shape[0], shape[2]), like=x)
    lengths = to_device_of(x, lengths)
    y[...] = x[array_module(x).arange(shape[0]), lengths - 1]
    return y, LastPoolSaved(lengths, shape)


@observed
def last_pool_backward(dy: Array, saved: LastPoolSaved) -> Array:
    """Gradient of :func:`last_pool_forward`: the last token gets dy, all others get 0.

    Parameters
    ----------
    dy : array (B, C)
    saved : LastPoolSaved

    Returns
    -------
    dx : array (B, T, C)
    """
    lengths, (n_texts, n_time, n_channels) = saved
    check_upstream("last_pool", dy, (n_texts, n_channels))
    dx = zeros((n_texts, n_time, n_channels), like=dy)
    dx[array_module(dx).arange(n_texts), lengths - 1] = dy
    return dx
