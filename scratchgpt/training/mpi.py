"""Workers that communicate by MPI (the Message Passing Interface), through mpi4py.

``mpiexec -n 4 python script.py`` starts four processes of the same program. Each of them makes an
:class:`Mpi` and gives it to its trainer.
"""

import os
import sys
import time
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError

# Each variable is set by mpiexec, and has the number of its processes: Open MPI, then MPICH and its
# relatives (Intel MPI, Cray MPI).
_SIZES = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE")
# Open MPI allocates a second array of the size of a message. 64 MiB limits it, and a message has
# fewer elements than a C int can count.
PIECE_BYTES = 1 << 26
SECONDS_TO_LEAVE = 5.0
_BETWEEN_TESTS = 0.01
_TO_FORWARD = 0.2  # mpiexec may lose what a process wrote in the last moment before it ends all


def started_processes() -> int:
    """Return the number of processes that mpiexec started with this one; 1 without mpiexec."""
    return max(int(os.environ.get(name) or 1) for name in _SIZES)


class Mpi:
    """The processes that one mpiexec started; each of them is a worker.

    As a context manager, it ends all processes if one of them fails alone, because the others would
    wait for it: ``with Mpi() as workers:``.

    Parameters
    ----------
    shards : bool
        Divide the states of the optimizer among the workers (ZeRO stage 1).

    Attributes
    ----------
    rank, size, shards
        As in :class:`Workers`.
    local_rank, n_local : int
        The number of this process among those on the same machine, and the number of these.

    Raises
    ------
    UserError
        If mpi4py or the library of MPI is missing, or belongs to another mpiexec.

    Examples
    --------
    >>> with Mpi() as workers:                                               # doctest: +SKIP
    ...     Trainer(objective, batches, config, workers=workers).train()
    """

    def __init__(self, *, shards: bool = False) -> None:
        self.shards = shards
        self._mpi = _import_mpi()
        self._world = self._mpi.COMM_WORLD.Dup()
        self._leaving = self._mpi.COMM_WORLD.Dup()
        self._left: Any = None
        self.rank: int = self._world.Get_rank()
        self.size: int = self._world.Get_size()
        if self.size == 1 < started_processes():
            raise UserError(
                f"mpiexec started {started_processes()} processes, but each of them is alone "
                f"in the MPI of mpi4py ({self.library}); start them with the mpiexec of that MPI"
            )
        here = self._mpi.COMM_WORLD.Split_type(self._mpi.COMM_TYPE_SHARED)
        self.local_rank: int = here.Get_rank()
        self.n_local: int = here.Get_size()
        here.Free()

    @property
    def library(self) -> str:
        """Name and version of the library of MPI."""
        return str(self._mpi.Get_library_version()).split(",")[0].split("\n")[0].strip("\0 ")

    def sum(self, flat: Array) -> None:
        for piece in _pieces(flat):
            self._world.Allreduce(self._mpi.IN_PLACE, piece)

    def broadcast(self, flat: Array, rank: int) -> None:
        for piece in _pieces(flat):
            self._world.Bcast(piece, root=rank)

    def total(self, counts: Mapping[str, float]) -> dict[str, float]:
        total: dict[str, float] = {}
        for one in self._world.allgather(dict(counts)):
            for name, value in one.items():
                total[name] = total.get(name, 0.0) + value
        return total

    def any(self, flag: bool) -> bool:
        flags = np.array([flag], np.uint8)
        self._world.Allreduce(self._mpi.IN_PLACE, flags, self._mpi.MAX)
        return bool(flags[0])

    def gather(self, text: str) -> list[str]:
        return list(self._world.allgather(text))

    def leave(self, seconds: float | None = None) -> bool:
        """Wait until all workers leave; return False if they do not within ``seconds``."""
        if self._left is None:
            self._left = self._leaving.Ibarrier()
        end = None if seconds is None else time.monotonic() + seconds
        while not self._left.Test():  # unlike a wait of MPI, this frees the core
            if end is not None and time.monotonic() > end:
                return False
            time.sleep(_BETWEEN_TESTS)
        return True

    def abort(self, status: int = 1) -> None:
        """End the processes of all workers now."""
        time.sleep(_TO_FORWARD)
        self._mpi.COMM_WORLD.Abort(status)

    def __enter__(self) -> "Mpi":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None or error is None:
            self.leave()
        elif not self.leave(SECONDS_TO_LEAVE):
            sys.excepthook(kind, error, trace)
            self.abort()


def _pieces(flat: Array) -> Iterator[Array]:
    n = max(1, PIECE_BYTES // flat.itemsize)
    for start in range(0, flat.size, n):
        yield flat[start : start + n]


def _import_mpi() -> Any:
    try:
        import mpi4py

        if "mpi4py.MPI" not in sys.modules:
            mpi4py.rc.thread_level = "serialized"
        from mpi4py import MPI
    except ImportError as error:
        raise UserError(
            "training with several workers needs mpi4py and Open MPI; install them with "
            "pip install 'scratchgpt-numpy[mpi]'"
        ) from error
    except RuntimeError as error:
        raise UserError(
            f"the library of MPI cannot be loaded: {' '.join(str(error).split())}; install it "
            "with pip install 'scratchgpt-numpy[mpi]'"
        ) from error
    return MPI
