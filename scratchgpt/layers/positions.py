"""Input of a Transformer: scaled token embeddings plus positions (sections 3.4 and 3.5)."""

import math
from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array, array_module, to_device_of
from scratchgpt.layers.dropout import Dropout
from scratchgpt.layers.embedding import Embedding
from scratchgpt.layers.parameters import Layer
from scratchgpt.memory import empty_like, scope
from scratchgpt.ops.dropout import DropoutSaved
from scratchgpt.ops.embedding import EmbeddingSaved, check_token_rows


class InputEmbeddingSaved(NamedTuple):
    wte: EmbeddingSaved
    wpe: EmbeddingSaved | None
    drop: DropoutSaved


class InputEmbedding(Layer):
    r"""Token embedding plus position embedding, then dropout.

    .. math:: x_t = \mathrm{drop}(\sqrt C\,W_{\text{token}_t} + P_t)

    Parameters
    ----------
    wte : Embedding
        The token table, which other layers may share.
    block_size : int
        Maximum number of positions.
    dropout : float
    scale : bool
        Whether to multiply the token embedding by the square root of C.
    positions : {"sinusoidal", "learned"}
    """

    def __init__(
        self, wte: Embedding, block_size: int, *, dropout: float, scale: bool, positions: str
    ) -> None:
        n_channels = wte.weight.shape[1]
        self.wte = wte
        learned = positions == "learned"
        self.wpe = Embedding(block_size, n_channels, std=n_channels**-0.5) if learned else None
        self.drop = Dropout(dropout)
        self.scale = math.sqrt(n_channels) if scale else 1.0
        self.block_size = block_size
        self.sinusoids = sinusoids(0, n_channels)  # of the longest text so far

    def forward(
        self, tokens: Array, dropout_seed: int | None = None, positions: Array | None = None
    ) -> tuple[Array, InputEmbeddingSaved]:
        """tokens (B, T) -> x (B, T, C).

        Parameters
        ----------
        tokens : integer array (B, T)
        dropout_seed : int, optional
            Random seed of the dropout mask; None disables dropout.
        positions : integer array (B, T), optional
            Positions of the tokens, in host memory; by default 0, 1, 2, ...

        Raises
        ------
        ValueError
            If there are no tokens, or more than ``block_size``.
        TypeError
            If the tokens are not an integer array.
        """
        check_token_rows("tokens", tokens)
        weight = self.wte.weight.value
        n_positions = tokens.shape[1] if positions is None else int(positions.max(initial=-1)) + 1
        if n_positions > self.block_size:
            raise ValueError(
                f"{n_positions} tokens are more than the model's block_size of {self.block_size}"
            )
        if positions is None:
            positions = array_module(weight).arange(n_positions)
        positions = to_device_of(weight, positions)
        x, wte = self.wte.forward(tokens)  # (B, T, C) 1
        x *= self.scale  # 2
        if self.wpe:
            added, wpe = self.wpe.forward(positions, in_range=True)  # 3
        else:
            table = self.sinusoids
            if n_positions > len(table) or array_module(table) is not array_module(x):
                n_rows = max(len(table), min(self.block_size, 2 * n_positions))
                table = self.sinusoids = to_device_of(x, sinusoids(n_rows, x.shape[-1]))
            added, wpe = table[positions].astype(x.dtype), None
        x += added  # 4
        x, drop = self.drop.forward(x, dropout_seed, y_out=x)  # 5
        return x, InputEmbeddingSaved(wte, wpe, drop)

    def backward(self, dy: Array, saved: InputEmbeddingSaved) -> None:
        """dy (B, T, C); tokens have no gradient."""
        with scope():
            dx = self.drop.backward(dy, saved.drop)  # undoes 5
            if self.wpe and saved.wpe:
                self.wpe.backward(dx.sum(axis=0), saved.wpe)  # 4 and 3: all rows share them
            dscaled = np.multiply(dx, self.scale, out=empty_like(dx))  # 2
            self.wte.backward(dscaled, saved.wte)  # 1


def sinusoids(n_positions: int, n_channels: int) -> Array:
    r"""Sinusoidal position encoding of the paper, in float64.

    .. math::
        P_{t,2i} = \sin(t / 10000^{2i/C}) \qquad P_{t,2i+1} = \cos(t / 10000^{2i/C})

    Returns
    -------
    table : array (n_positions, n_channels)

    Examples
    --------
    >>> sinusoids(2, 4).round(4)
    array([[0.    , 1.    , 0.    , 1.    ],
           [0.8415, 0.5403, 0.01  , 1.    ]])
    """
    even = np.arange(0, n_channels, 2)  # on the host
    angles = np.arange(n_positions)[:, None] / 10000.0 ** (even / n_channels)  # on the host
    table = np.empty((n_positions, n_channels))  # on the host
    table[:, 0::2] = np.sin(angles)
    table[:, 1::2] = np.cos(angles)[:, : n_channels // 2]
    return table
