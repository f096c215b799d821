"""Several processes that train one model together: what they have to agree on."""

from collections.abc import Mapping
from typing import Protocol

from scratchgpt.backend import Array


class Workers(Protocol):
    """How the workers of a training run exchange what they computed.

    Each worker has all parameters and makes the same updates. Worker ``rank`` runs micro-batches
    ``rank``, ``rank + size``, ... of each step, and only worker 0 writes files.

    Every method is collective: all workers call the same methods in the same order, and a call
    returns when all of them have made it. Every worker gets the same bits, so the order of a sum
    depends on the ranks alone, never on who arrives first; else the parameters would drift apart.
    An exception that ends the training of one worker must end all of them (in MPI, ``Abort``), or
    the others would wait forever. A signal and a loss that is not finite are different: the workers
    agree on those with :meth:`any`, and raise together.

    Attributes
    ----------
    rank : int
        The number of this worker, from 0.
    size : int
        How many there are.
    """

    rank: int
    size: int

    def sum(self, flat: Array) -> None:
        """Replace each element of a flat array by its sum over all workers, in place.

        Called once per step, with the gradients of all trained parameters.
        """
        ...

    def total(self, counts: Mapping[str, float]) -> dict[str, float]:
        """Sum a few numbers by name over all workers, in float64.

        A name that a worker does not have counts as 0 there. Called with the weights of the
        micro-batches before the backward pass, and with losses and measures after it.
        """
        ...

    def any(self, flag: bool) -> bool:
        """Whether the flag is True for any worker. It also serves as a barrier."""
        ...


class Alone:
    """The only worker: nothing to exchange."""

    rank = 0
    size = 1

    def sum(self, flat: Array) -> None:
        pass

    def total(self, counts: Mapping[str, float]) -> dict[str, float]:
        return dict(counts)

    def any(self, flag: bool) -> bool:
        return flag


ALONE = Alone()
