"""Several processes that train together: the option ``--workers``, and what each of them does."""

import atexit
import contextlib
import os
import signal
from collections.abc import Iterator
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from scratchgpt.cli.console import message
from scratchgpt.cli.streams import streams_of_worker
from scratchgpt.errors import UserError, counted

if TYPE_CHECKING:
    from scratchgpt.training.mpi import Mpi
    from scratchgpt.training.workers import Workers

WorkerCount = Annotated[
    int | None,
    typer.Option(
        "--workers",
        min=1,
        max=1024,
        help="Number of processes that train together, each with its share of the cores.",
        show_default=False,
    ),
]

Shards = Annotated[
    bool,
    typer.Option(
        "--shard-optimizer",
        help="Divide the optimizer's moments among the workers, which saves memory.",
    ),
]

BAD_INPUT, FAILED, INTERRUPTED = 2, 1, 130  # exit statuses, as in scratchgpt.cli.main


@contextlib.contextmanager
def joined(n: int | None, threads: int | None, *, shards: bool) -> "Iterator[Workers]":
    """Return the workers that this process trains with, for a ``with`` block.

    If mpiexec started this process, they are the processes that it started. Only worker 0 prints
    anything, unless another worker fails alone. Otherwise, ``n`` processes are started with
    mpiexec, and this process only waits for them and exits.

    Parameters
    ----------
    n : int or None
        The option ``--workers``.
    threads : int or None
        Threads per worker; by default the workers on a machine share its cores equally.
    shards : bool
        Whether the workers divide the states of the optimizer.

    Raises
    ------
    UserError
        If MPI is missing, or mpiexec started another number of processes.
    typer.Exit
        When the processes that this one started have ended.
    """
    from scratchgpt.training.mpi import SECONDS_TO_LEAVE, Mpi, started_processes
    from scratchgpt.training.workers import ALONE

    n_started = started_processes()
    if n_started == 1:
        if n is not None and n > 1:
            from scratchgpt.cli.launch import launch

            raise typer.Exit(launch(n, threads))
        yield ALONE
        return
    if n is not None and n != n_started:
        raise UserError(
            f"--workers {n}, but mpiexec started {n_started} processes; leave out --workers"
        )
    workers = Mpi(shards=shards)
    end = _End(workers)
    atexit.register(end)
    signal.signal(signal.SIGUSR1, _interrupt)
    with streams_of_worker(workers.rank):
        try:
            yield workers
        except typer.Exit:
            raise
        except BaseException as error:
            end.status, end.seconds = _status_of(error), SECONDS_TO_LEAVE
            if workers.rank == 0:
                raise
            if workers.leave(end.seconds):
                raise typer.Exit(end.status) from None  # worker 0 says what is wrong
            end.seconds = 0.0
            if isinstance(error, UserError):
                raise UserError(f"worker {workers.rank} of {workers.size}: {error}") from None
            raise


class _End:
    """The end of this process: it waits for the other workers, or ends all if it failed alone.

    Attributes
    ----------
    status : int
        The exit status; if it is not 0, the others have ``seconds`` to end, too.
    """

    def __init__(self, workers: "Mpi") -> None:
        self._workers = workers
        self.status, self.seconds = 0, 0.0

    def __call__(self) -> None:
        if not self._workers.leave(self.seconds if self.status else None):
            self._workers.abort(self.status)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Pass the signal that mpiexec forwards to its processes on as Ctrl-C."""
    signal.raise_signal(signal.SIGINT)


def _status_of(error: BaseException) -> int:
    if isinstance(error, UserError):
        return BAD_INPUT
    return INTERRUPTED if isinstance(error, KeyboardInterrupt) else FAILED


def threads_of(workers: "Workers", threads: int | None) -> int | None:
    """Return the number of threads of this worker; None if an environment variable sets it.

    If a worker is bound to fewer cores than it has threads, say so once.
    """
    from scratchgpt.training.agreement import first_of
    from scratchgpt.training.mpi import Mpi

    if not isinstance(workers, Mpi) or not hasattr(os, "sched_getaffinity"):
        return threads
    own = len(os.sched_getaffinity(0))
    machine = own
    with contextlib.suppress(OSError):  # mpiexec itself is not bound
        machine = max(own, len(os.sched_getaffinity(os.getppid())))
    share = max(1, machine // workers.n_local)
    setting = os.environ.get("SCRATCHGPT_THREADS", "")
    wanted = threads or (int(setting) if setting.isdigit() else share)
    bound = ""
    if own < wanted:
        bound = (
            f"worker {workers.rank} is bound to {counted(own, 'core')} of {machine}, and could use "
            f"{wanted}; start mpiexec with --bind-to none"
        )
    if bound := first_of(workers, bound):
        message(bound)
    return threads or (None if setting else min(share, own))
