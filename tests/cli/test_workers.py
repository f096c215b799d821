"""``--workers``: the same command with several processes."""

import os
import signal
import subprocess
import sys
import threading

import pytest
import typer

from scratchgpt.cli import workers as cli_workers
from scratchgpt.cli.workers import joined, threads_of
from scratchgpt.errors import UserError
from scratchgpt.training import mpi as training_mpi
from scratchgpt.training import read_metrics
from scratchgpt.training.workers import ALONE

MORE = 10**6  # steps than it can take


@pytest.fixture
def options(tiny, text_file, monkeypatch):
    """Options of a short run; the workers load no kernels, which takes longer than the run."""
    monkeypatch.setenv("SCRATCHGPT_KERNELS", "off")
    return (text_file, *tiny, "--grad-accum", 2, "--eval-interval", 0, "--threads", 1)


def test_a_command_with_workers_ends_like_one_without(mpi, scratchgpt, options, tmp_path):
    for n in (1, 2):
        command = ("train", *options, "--steps", 4, "--out", tmp_path / str(n), "--json")
        outcome = scratchgpt(*command, "--workers", n)
        assert outcome.status == 0, outcome.stderr
        assert outcome.stdout.count("\n") == 1
    assert "2 workers, " in outcome.stderr
    assert outcome.stderr.count("step 0 of 4") == 1
    losses = [
        [line["loss"] for line in read_metrics(tmp_path / run / "metrics.jsonl")]
        for run in ("1", "2")
    ]
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)
    names = [sorted(p.name for p in (tmp_path / run).iterdir()) for run in ("1", "2")]
    assert names[0] == names[1]


def test_bad_input_is_said_once(mpi, refused, options, tmp_path):
    error = refused("train", *options, "--grad-accum", 3, "--workers", 2, "--out", tmp_path / "a")
    assert "grad_accum=3 is not divisible by the 2 workers; choose 2 or 4" in error
    assert not (tmp_path / "a" / "last").exists()


class Command:
    """A command in a separate process; ``wait_for`` reads its stderr."""

    def __init__(self, *words):
        code = "from scratchgpt.cli.main import run; run()"
        command = [sys.executable, "-c", code, *map(str, words)]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self.lines = []
        self._limit = threading.Timer(240, self.process.kill)  # nothing waits for ever
        self._limit.start()

    def wait_for(self, start):
        for line in self.process.stderr:
            self.lines.append(line)
            if line.startswith(start):
                return
        pytest.fail("".join(self.lines))

    def end(self):
        """Return the exit status and the last line."""
        self.lines += self.process.stderr.readlines()
        status = self.process.wait(timeout=60)
        self._limit.cancel()
        self.process.stderr.close()
        return status, self.lines[-1]


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(word) for word in file.read().split()]


@pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="Linux lists the processes")
def test_a_signal_saves_the_run_and_a_killed_worker_ends_it_with_one_line(mpi, options, tmp_path):
    words = ("train", *options, "--steps", MORE, "--out", tmp_path / "run", "--workers", 2)
    command = Command(*words)
    command.wait_for("step ")
    command.process.send_signal(signal.SIGTERM)
    status, line = command.end()
    assert status == 128 + signal.SIGTERM, command.lines
    assert line.startswith("saved at step ")

    command = Command(*words, "--resume")
    command.wait_for("step ")
    [mpiexec] = children(command.process.pid)
    os.kill(children(mpiexec)[1], signal.SIGKILL)
    status, line = command.end()
    assert status == 1
    assert line.startswith("error: worker 1 of 2 was ended by signal 9 (SIGKILL)")
    assert "Traceback" not in "".join(command.lines)
    assert (tmp_path / "run" / "last" / "training_state.json").exists()


class FakeMpi:
    """Worker ``rank`` of 2; the others arrive at the end, or not."""

    def __init__(self, rank, arrive=True):
        self.rank, self.size, self.local_rank, self.n_local = rank, 2, rank, 2
        self.arrive, self.aborted = arrive, []

    def leave(self, seconds=None):
        return self.arrive

    def abort(self, status):
        self.aborted.append(status)

    def gather(self, text):
        return [text, ""]


@pytest.fixture
def joins(monkeypatch):
    """Let this process be a worker, and return what it registers for its end."""

    def arrange(worker):
        ends = []
        monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "2")
        monkeypatch.setattr(training_mpi, "Mpi", lambda shards: worker)
        monkeypatch.setattr(cli_workers.atexit, "register", ends.append)
        monkeypatch.setattr(signal, "signal", lambda number, handler: None)
        return ends

    return arrange


def test_only_worker_0_prints(joins, capsys):
    for rank in (0, 1):
        joins(FakeMpi(rank))
        with joined(None, None, shards=False):
            print("out", rank)
            print("err", rank, file=sys.stderr)
            assert not sys.stdout.isatty()
    assert capsys.readouterr() == ("out 0\n", "err 0\n")


def test_an_error_of_all_is_said_by_worker_0(joins):
    joins(FakeMpi(0))
    with pytest.raises(UserError, match=r"^no$"), joined(None, None, shards=False):
        raise UserError("no")
    joins(FakeMpi(1))
    with pytest.raises(typer.Exit) as stop, joined(None, None, shards=False):
        raise UserError("no")
    assert stop.value.exit_code == 2


@pytest.mark.parametrize(("rank", "text"), [(0, "no"), (1, "worker 1 of 2: no")])
def test_a_worker_that_fails_alone_says_so_and_ends_all(joins, rank, text):
    worker = FakeMpi(rank, arrive=False)
    ends = joins(worker)
    with pytest.raises(UserError, match=f"^{text}$"), joined(None, None, shards=False):
        raise UserError("no")
    assert worker.aborted == []  # the message is printed first
    ends[0]()
    assert worker.aborted == [2]


def test_another_number_than_that_of_mpiexec_is_refused(joins):
    joins(FakeMpi(0))
    with pytest.raises(UserError, match="--workers 3, but mpiexec started 2 processes"):
        joined(3, None, shards=False).__enter__()
    with joined(2, None, shards=False) as group:
        assert group.size == 2


def test_one_worker_needs_no_mpi(monkeypatch):
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    for n in (None, 1):
        with joined(n, None, shards=False) as group:
            assert group is ALONE


@pytest.mark.parametrize(
    ("own", "threads", "expected", "said"),
    [
        (range(8), None, 4, ""),
        (range(8), 3, 3, ""),
        (range(1), None, 1, "worker 0 is bound to 1 core of 8, and could use 4; start mpiexec"),
        (range(2), 3, 3, "worker 0 is bound to 2 cores of 8, and could use 3"),
        (range(4, 8), None, 4, ""),
    ],
)
def test_a_worker_that_is_bound_to_few_cores_says_so(
    own, threads, expected, said, monkeypatch, capsys
):
    class Fake(FakeMpi, training_mpi.Mpi):
        pass

    monkeypatch.delenv("SCRATCHGPT_THREADS", raising=False)
    affinity = {0: own, os.getppid(): range(8)}
    monkeypatch.setattr(os, "sched_getaffinity", affinity.__getitem__, raising=False)
    assert threads_of(Fake(0), threads) == expected
    message = capsys.readouterr().err
    assert message.startswith(said)
    assert bool(said) == bool(message)
    assert threads_of(ALONE, 5) == 5
