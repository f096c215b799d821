"""The start of several workers with mpiexec, and what is made of its messages."""

import os
import signal
import sys

import pytest

from scratchgpt.cli import launch
from scratchgpt.cli.launch import Death, mpi_environment, own_command, translate
from scratchgpt.errors import UserError

RULE = "-" * 74
DEATH = """{rule}
prterun noticed that process rank 1 with PID 27529 on node vm exited on
signal 9 (Killed).
{rule}"""
STATUS = """{rule}
prterun detected that one or more processes exited with non-zero status,
thus causing the job to be terminated. The first process to do so was:

   Process name: [prterun-vm-27651@1,1]
   Exit code:    2
{rule}"""
ABORT = """{rule}
MPI_ABORT was invoked on rank 0 in communicator MPI_COMM_WORLD
  Proc: [[45036,1],0]
  Errorcode: 2
{rule}
{rule}
prterun has exited due to process rank 0 with PID 0 on node vm calling
"abort". This may have caused other processes in the application to be
{rule}"""
OTHER = """{rule}
There are not enough slots available in the system
{rule}"""


def lines(*parts):
    return "\n".join(parts).format(rule=RULE).splitlines(keepends=True)


def test_lines_of_the_workers_pass(capsys):
    assert list(translate(lines("step 1", "--- sample", "error: no"))) == []
    assert capsys.readouterr().err == "step 1\n--- sample\nerror: no\n"


@pytest.mark.parametrize("block", [STATUS, ABORT], ids=["status", "abort"])
def test_what_a_worker_has_said_is_not_repeated(block, capsys):
    assert list(translate(lines("error: no", block))) == []
    assert capsys.readouterr().err == "error: no\n"


def test_a_process_that_has_ended_already_is_no_news(capsys):
    gone = "[vm:11848] PMIX ERROR: PMIX_ERR_UNREACH in file pmix_server.c at line 3146"
    assert list(translate(lines(gone, "[vm:1] PMIX ERROR: other"))) == []
    assert capsys.readouterr().err == "[vm:1] PMIX ERROR: other\n"


def test_a_death_is_reported(capsys):
    assert list(translate(lines("step 1", DEATH, STATUS))) == [Death(1, 9)]
    assert capsys.readouterr().err == "step 1\n"


def test_other_messages_of_mpiexec_pass(capsys):
    assert list(translate(lines(OTHER, "{rule}", "cut"))) == []
    assert capsys.readouterr().err.splitlines() == [OTHER.splitlines()[1], "cut"]


def test_the_command_of_the_workers_is_that_of_this_process(monkeypatch, tmp_path):
    script = tmp_path / "scratchgpt"
    script.touch()
    for program, start in (
        (str(script), [str(script)]),
        ("scratchgpt", ["-m", "scratchgpt"]),
        ("x/__main__.py", ["-m", "scratchgpt"]),
    ):
        monkeypatch.setattr(sys, "argv", [program, "train", "--out", "a b"])
        assert own_command() == [sys.executable, *start, "train", "--out", "a b"]


def test_each_worker_gets_its_share_of_the_cores(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: range(8), raising=False)
    for name in ("SCRATCHGPT_THREADS", *launch.OF_BLAS):
        monkeypatch.delenv(name, raising=False)
    for n, threads, expected in ((2, None, "4"), (3, None, "2"), (16, None, "1"), (2, 3, "3")):
        assert mpi_environment(n, threads)["OPENBLAS_NUM_THREADS"] == expected
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "7")
    assert mpi_environment(2, None)["OPENBLAS_NUM_THREADS"] == "7"


@pytest.mark.parametrize("user", [0, 1000])
def test_as_root_it_says_what_it_sets(user, monkeypatch, capsys):
    monkeypatch.setattr(os, "geteuid", lambda: user, raising=False)
    for name in launch.AS_ROOT:
        monkeypatch.delenv(name, raising=False)
    values = mpi_environment(2, 1)
    said = capsys.readouterr().err
    assert all((values.get(name) == "1") == (user == 0) for name in launch.AS_ROOT)
    assert all((f"{name}=1" in said) == (user == 0) for name in launch.AS_ROOT)
    monkeypatch.setattr(os, "environ", values)
    mpi_environment(2, 1)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("missing", ["mpi4py", "mpiexec"])
def test_what_is_missing_is_named(missing, monkeypatch):
    monkeypatch.setattr(launch.sysconfig, "get_path", lambda name: "nowhere")
    monkeypatch.setattr(launch.shutil, "which", lambda name: None if missing == name else "/x")
    monkeypatch.setattr(
        launch.importlib.util, "find_spec", lambda name: None if missing == name else object()
    )
    with pytest.raises(UserError, match=f"^--workers 2 needs {missing}; install MPI with pip"):
        launch.launch_command(2)


class Process:
    """A process that records what it receives."""

    def __init__(self):
        self.received = []

    def send_signal(self, number):
        self.received.append(number)

    def terminate(self):
        self.received.append("end")


def test_the_first_signal_is_passed_on_and_the_second_ends():
    process = Process()
    with launch._passing_signals(process) as passed:
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGHUP)  # a closed terminal may send it, too
        assert process.received == [signal.SIGUSR1]
        signal.raise_signal(signal.SIGINT)
    assert process.received == [signal.SIGUSR1, "end"]
    assert passed[0] == signal.SIGTERM
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
