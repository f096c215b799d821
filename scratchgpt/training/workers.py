"""Data-parallel training: the protocol of several processes that train one model together."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Protocol

from scratchgpt.backend import Array


class Workers(Protocol):
    """Communication between the workers of a training run.

    Each worker has all parameters and makes the same updates. Worker ``rank`` runs micro-batches
    ``rank``, ``rank + size``, ... of each step, and only worker 0 writes files.

    Every method is collective: all workers call the same methods in the same order, and a call
    returns when all workers have made it. Every worker must get the same bits, so the order of a
    sum depends only on the ranks, never on which worker arrives first; otherwise the parameters
    would diverge between workers. An exception that ends the training of one worker must end all
    workers (in MPI, ``Abort``), or the others would wait forever. Signals and non-finite losses are
    different: the workers agree on them with :meth:`any`, and all of them raise.

    Attributes
    ----------
    rank : int
        The number of this worker, from 0.
    size : int
        Number of workers.
    local_rank : int
        The number of this worker among those on the same machine, from 0.
    shards : bool
        Whether each worker keeps the states of the optimizer for a part of the parameters only.
    """

    rank: int
    size: int
    local_rank: int
    shards: bool

    def sum(self, flat: Array) -> None:
        """Replace each element of a flat array by its sum over all workers, in place.

        It is called once per step, with the gradients of all trained parameters.
        """
        ...

    def total(self, counts: Mapping[str, float]) -> dict[str, float]:
        """Sum a few numbers by name over all workers, in float64.

        A name that is missing on a worker counts as 0 there. The method is called with the weights
        of the micro-batches before the backward pass, and with losses and measures after it.
        """
        ...

    def any(self, flag: bool) -> bool:
        """Whether the flag is True for any worker. It also serves as a barrier."""
        ...

    def broadcast(self, flat: Array, rank: int) -> None:
        """Replace a flat array by that of one worker, in place."""
        ...

    def gather(self, text: str) -> list[str]:
        """Return the texts of all workers, in the order of their ranks."""
        ...


class Alone:
    """The single worker of a run on one process; no communication."""

    rank = 0
    size = 1
    local_rank = 0
    shards = False

    def sum(self, flat: Array) -> None:
        pass

    def total(self, counts: Mapping[str, float]) -> dict[str, float]:
        return dict(counts)

    def any(self, flag: bool) -> bool:
        return flag

    def broadcast(self, flat: Array, rank: int) -> None:
        pass

    def gather(self, text: str) -> list[str]:
        return [text]


ALONE = Alone()


@contextlib.contextmanager
def one_first(workers: Workers) -> Iterator[None]:
    """Let one worker on each machine run a ``with`` block before the others on that machine do.

    It leaves files for them, in a cache, for example. The block must not communicate.
    """
    if workers.local_rank > 0:
        workers.any(False)
    try:
        yield
    finally:
        if workers.local_rank == 0:
            workers.any(False)
