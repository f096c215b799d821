"""The states of an optimizer that are divided among the workers: exchange and checkpoints."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.layers.parameters import ParameterStore
from scratchgpt.optim import AdamW, Shard, shards
from scratchgpt.training.config import TrainConfig
from scratchgpt.training.workers import Workers

_PIECE = 1 << 22  # elements of a moment that are sent at a time


def make_optimizer(store: ParameterStore, config: TrainConfig, workers: Workers) -> AdamW:
    """Make the optimizer of this worker: for all parameters, or for its shard."""
    return AdamW(
        store,
        betas=(config.beta1, config.beta2),
        eps=config.eps,
        weight_decay=config.weight_decay,
        shard=shards(store, workers.size)[workers.rank] if workers.shards else None,
    )


def share_parameters(store: ParameterStore, workers: Workers) -> None:
    """Give all workers the parameters that each of them has updated."""
    for rank, part in enumerate(shards(store, workers.size)):
        for span in part.spans:
            workers.broadcast(store.values[span.values], rank)


@contextlib.contextmanager
def all_moments(optimizer: AdamW, workers: Workers, folder: Path) -> Iterator[dict[str, Array]]:
    """Collect the moments of all parameters for worker 0, inside a ``with`` block.

    Moments that are divided among the workers are collected in a temporary file, so that worker 0
    does not need the memory for all of them. The other workers get their own.

    Parameters
    ----------
    optimizer : AdamW
    workers : Workers
    folder : Path
        For the temporary file.
    """
    own = optimizer.named_moments()
    if not workers.shards or workers.size == 1:
        yield own
        return
    parts = shards(optimizer.store, workers.size)
    if workers.rank:
        _collect(optimizer, parts, workers, None)
        yield own
        return
    n, dtype = optimizer.store.grads.size, optimizer.store.dtype
    with tempfile.TemporaryFile(dir=folder) as file:
        flat = np.memmap(file, dtype, "w+", shape=(2, n))
        _collect(optimizer, parts, workers, flat)
        [whole] = shards(optimizer.store, 1)
        yield optimizer.moment_views(flat[0], flat[1], whole)


def _collect(optimizer: AdamW, parts: list[Shard], workers: Workers, flat: Array | None) -> None:
    """Send the moments of each shard piece by piece; write them to ``flat`` (2, n)."""
    buffer = np.empty(_PIECE, optimizer.store.dtype)
    for rank, part in enumerate(parts):
        for i, moment in enumerate((optimizer.exp_avg, optimizer.exp_avg_sq)):
            for start in range(part.grads.start, part.grads.stop, _PIECE):
                stop = min(start + _PIECE, part.grads.stop)
                piece = buffer[: stop - start]
                if rank == workers.rank:
                    piece[...] = moment[start - part.grads.start : stop - part.grads.start]
                workers.broadcast(piece, rank)
                if flat is not None:
                    flat[i, start:stop] = piece
