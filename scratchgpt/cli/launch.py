"""The start of several workers with mpiexec, and the translation of what mpiexec says."""

import contextlib
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import FrameType
from typing import NamedTuple

from scratchgpt.cli.console import message
from scratchgpt.errors import UserError
from scratchgpt.threads import n_cores

# Each worker uses its share of the cores; mpiexec must not bind it to one of them.
PLACEMENT = ("--bind-to", "none", "--oversubscribe")
AS_ROOT = ("OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM")
OF_BLAS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")
_RULE = "-" * 60  # begins the lines around a message of Open MPI
_DEATH = re.compile(r"process rank (\d+) with PID \d+ on node (\S+) exited on signal (\d+)")
# PMIx, a part of Open MPI, says so if a process that it writes to has just ended.
_GONE = re.compile(r"\[\S+\] PMIX ERROR: PMIX_ERR_UNREACH ")
# What these say is in the exit status, or a worker has said it.
_NOTHING_NEW = ("non-zero status", "non-zero exit code", "MPI_ABORT was invoked", 'calling "abort"')


class Death(NamedTuple):
    """A worker that a signal ended."""

    rank: int
    signal: int


def launch(n: int, threads: int | None) -> int:
    """Run the command of this process in ``n`` workers; return the exit status.

    Ctrl-C, SIGTERM and SIGHUP are passed on to the workers, which save the run and stop; the second
    one ends them at once.

    Raises
    ------
    UserError
        If mpi4py or mpiexec is missing.
    """
    with (
        subprocess.Popen(
            [*launch_command(n), *own_command()],
            env=mpi_environment(n, threads),
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,  # Ctrl-C would end mpiexec and its processes at once
        ) as process,
        _passing_signals(process) as passed,
    ):
        assert process.stderr is not None
        deaths = list(translate(process.stderr))
        status = process.wait()
    if deaths:
        rank, number = deaths[0]
        message(
            f"error: worker {rank} of {n} was ended by signal {number} "
            f"({signal.Signals(number).name}), and the others with it; the last checkpoint is "
            "complete: resume the run with --resume"
        )
        return 1
    if passed and status == 128 + signal.SIGINT:
        return 128 + passed[0]
    return status if status >= 0 else 128 - status


def launch_command(n: int) -> list[str]:
    """Return the beginning of a command that starts ``n`` processes on this machine.

    Raises
    ------
    UserError
        If mpi4py or mpiexec is missing.
    """
    mpiexec = _find_mpiexec(n)
    return [mpiexec, "-n", str(n), *(PLACEMENT if is_open_mpi(mpiexec) else ())]


def _find_mpiexec(n: int) -> str:
    """Return the path of mpiexec: of this environment, or else of the system."""
    own = Path(sysconfig.get_path("scripts")) / "mpiexec"
    found = str(own) if own.exists() else shutil.which("mpiexec")
    missing = [
        name
        for name, there in (("mpi4py", importlib.util.find_spec("mpi4py")), ("mpiexec", found))
        if not there
    ]
    if missing:
        raise UserError(
            f"--workers {n} needs {' and '.join(missing)}; install MPI with "
            "pip install 'scratchgpt-numpy[mpi]'"
        )
    assert found is not None
    return found


def is_open_mpi(mpiexec: str) -> bool:
    """Whether an mpiexec is that of Open MPI, and takes its options."""
    shown = subprocess.run([mpiexec, "--version"], capture_output=True, text=True, check=False)
    return any(name in shown.stdout for name in ("Open MPI", "OpenRTE", "PRRTE", "prrte"))


def own_command() -> list[str]:
    """Return the command line of this process."""
    program = sys.argv[0]
    if os.path.basename(program) == "__main__.py" or not os.path.isfile(program):
        return [sys.executable, "-m", "scratchgpt", *sys.argv[1:]]
    return [sys.executable, program, *sys.argv[1:]]


def mpi_environment(n: int, threads: int | None) -> dict[str, str]:
    """Return the environment of mpiexec; as root, say what is set for Open MPI."""
    values = dict(os.environ)
    if threads is None and "SCRATCHGPT_THREADS" not in values:
        threads = max(1, n_cores() // n)
    for name in OF_BLAS:
        if threads is not None:
            values.setdefault(name, str(threads))
    # A worker that waits gives its core to those who have work.
    values.setdefault("OMPI_MCA_mpi_yield_when_idle", "1")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        new = [name for name in AS_ROOT if values.get(name) != "1"]
        values |= dict.fromkeys(new, "1")
        if new:
            message(f"as root, Open MPI needs {' and '.join(f'{name}=1' for name in new)}; set")
    return values


def translate(lines: Iterable[str]) -> Iterator[Death]:
    """Pass on the lines that mpiexec writes to stderr, and yield the deaths that it reports.

    The lines are those of the workers and, between two rules, those of Open MPI itself.
    """
    block: list[str] | None = None
    for line in lines:
        line = line.rstrip("\n")
        if line.startswith(_RULE):
            if block is not None:
                yield from _of_open_mpi(block)
            block = [] if block is None else None
        elif block is not None:
            block.append(line)
        elif not _GONE.match(line):
            message(line)
    for line in block or ():
        message(line)


def _of_open_mpi(block: list[str]) -> Iterator[Death]:
    text = " ".join(" ".join(block).split())
    if death := _DEATH.search(text):
        yield Death(int(death[1]), int(death[3]))
    elif not any(known in text for known in _NOTHING_NEW):
        for line in block:
            message(line)


@contextlib.contextmanager
def _passing_signals(process: "subprocess.Popen[str]") -> Iterator[list[int]]:
    """Pass signals on inside a ``with`` block; the list receives their numbers."""
    passed: list[int] = []

    def receive(number: int, frame: FrameType | None) -> None:
        if not passed:
            process.send_signal(signal.SIGUSR1)  # mpiexec forwards it to the workers
        elif number != signal.SIGHUP:
            process.terminate()
        passed.append(number)

    numbers = [
        number
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(number) is not signal.SIG_IGN
    ]
    before = {number: signal.signal(number, receive) for number in numbers}
    try:
        yield passed
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
