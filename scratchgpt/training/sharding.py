"""The states of an optimizer that are divided among the workers: exchange and checkpoints."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.layers.parameters import ParameterStore
from scratchgpt.optim import AdamW, MuonWithAdamW, Optimizer, shards
from scratchgpt.training.config import TrainConfig
from scratchgpt.training.workers import Workers

_PIECE = 1 << 22  # elements of a moment that are sent at a time


def make_optimizer(store: ParameterStore, config: TrainConfig, workers: Workers) -> Optimizer:
    """Make the optimizer of this worker: for all parameters, or for its shard.

    Raises
    ------
    UserError
        If the optimizer has no parameters to update.
    """
    rank, size = (workers.rank, workers.size) if workers.shards else (0, 1)
    betas = (config.beta1, config.beta2)
    if config.optimizer == "muon":
        return MuonWithAdamW(
            store,
            lr_ratio=config.muon_lr_ratio,
            momentum=config.muon_momentum,
            adjust_lr=config.muon_adjust_lr,
            weight_decay=config.weight_decay,
            betas=betas,
            eps=config.eps,
            rank=rank,
            size=size,
        )
    return AdamW(
        store,
        betas=betas,
        eps=config.eps,
        weight_decay=config.weight_decay,
        shard=shards(store, size)[rank],
    )


def share_parameters(optimizer: Optimizer, workers: Workers) -> None:
    """Give all workers the parameters that each of them has updated."""
    store = optimizer.store
    for group in optimizer.groups:
        for rank, part in enumerate(shards(store, workers.size, group)):
            for span in part.spans:
                workers.broadcast(store.values[span.values], rank)


@contextlib.contextmanager
def all_moments(optimizer: Optimizer, workers: Workers, folder: Path) -> Iterator[dict[str, Array]]:
    """Collect the moments of all parameters for worker 0, inside a ``with`` block.

    Moments that are divided among the workers are collected in a temporary file, so that worker 0
    does not need the memory for all of them. The other workers get their own.

    Parameters
    ----------
    optimizer : Optimizer
    workers : Workers
    folder : Path
        For the temporary file.
    """
    own = optimizer.named_moments()
    if not workers.shards or workers.size == 1:
        yield own
        return
    if workers.rank:
        _collect(optimizer, workers, None)
        yield own
        return
    store = optimizer.store
    n = sum(store.named[name].size * len(optimizer.moments_of(name)) for name in store.trained)
    with tempfile.TemporaryFile(dir=folder) as file:
        flat = np.memmap(file, store.dtype, "w+", shape=(n,))
        yield _collect(optimizer, workers, flat)


def _collect(optimizer: Optimizer, workers: Workers, flat: Array | None) -> dict[str, Array]:
    """Send all moments piece by piece; write them to ``flat``, and return its views by name."""
    store, own = optimizer.store, optimizer.named_moments()
    buffer = np.empty(_PIECE, store.dtype)
    views, start = dict[str, Array](), 0
    for rank, name in _owners(optimizer, workers.size):
        parameter = store.named[name]
        for moment in optimizer.moments_of(name):
            key, end = f"{moment}.{name}", start + parameter.size
            source = own[key].reshape(-1) if rank == workers.rank else None
            for i in range(0, parameter.size, _PIECE):
                piece = buffer[: min(_PIECE, parameter.size - i)]
                if source is not None:
                    piece[...] = source[i : i + piece.size]
                workers.broadcast(piece, rank)
                if flat is not None:
                    flat[start + i : start + i + piece.size] = piece
            if flat is not None:
                views[key] = flat[start:end].reshape(parameter.shape)
            start = end
    return views


def _owners(optimizer: Optimizer, size: int) -> Iterator[tuple[int, str]]:
    """Yield each trained parameter with the rank of the worker that keeps its moments."""
    for group in optimizer.groups:
        for rank, part in enumerate(shards(optimizer.store, size, group)):
            for name in part.names:
                yield rank, name
