"""Tokens in, unit vectors out: the loop over micro-batches that encodes texts."""

from collections.abc import Callable, Sequence

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.memory import Arena
from scratchgpt.models import GPTEncoder
from scratchgpt.ops.unit import unit_forward
from scratchgpt.text.micro_batches import micro_batches, pad_rows
from scratchgpt.threads import one_pool

OnProgress = Callable[[int, int], None]  # texts that are done, all texts


def encode_rows(
    model: GPTEncoder,
    rows: Sequence[Array],
    *,
    tokens_per_batch: int = 512,
    on_progress: OnProgress | None = None,
) -> Array:
    """Encode rows of tokens as unit vectors (N, C).

    Parameters
    ----------
    model : GPTEncoder
    rows : sequence of integer arrays (T_i,)
        Each from 1 to ``block_size`` tokens.
    tokens_per_batch : int
        Maximum number of positions that are computed at a time, with padding. With kernels, the
        result does not depend on it.
    on_progress : callable, optional
        Called with the number of texts that are done, and of all texts.

    Raises
    ------
    UserError
        If a vector is not finite.
    """
    config = model.config
    lengths = np.array([len(row) for row in rows], np.int64)
    vectors = np.empty((len(rows), config.n_embd), model.dtype)
    arena, n_done = Arena(), 0
    with one_pool():
        for indices in micro_batches(lengths, tokens_per_batch):
            with arena:
                states, _ = model.forward(*pad_rows(rows, indices, config.block_size))
                vectors[indices] = unit_forward(states)[0]
            n_done += len(indices)
            if on_progress is not None:
                on_progress(n_done, len(rows))
    if not np.isfinite(vectors).all():
        raise UserError("the model computes NaN or infinity; its weights are damaged")
    return vectors
