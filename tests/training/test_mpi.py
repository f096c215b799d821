"""Workers over MPI: runs with several processes equal the run of one."""

import os
import random
import signal
from pathlib import Path

import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.models.tensor_file import TensorFile
from scratchgpt.training import trainer
from scratchgpt.training.mpi import Mpi
from scratchgpt.training.workers import ALONE

OBJECTIVES = ("next_token", "translation", "contrastive", "dpo")
SCRIPT = Path(__file__).with_name("mpi_process.py")


def weights(folder, objective):
    file = TensorFile(folder / objective / "last" / "model.safetensors")
    arrays = {name: np.empty(tensor.shape) for name, tensor in file.tensors.items()}
    for name, array in arrays.items():
        file.read(name, array)
    return arrays


@pytest.fixture(scope="module")
def whole(tmp_path_factory, load_file):
    """The parameters after unbroken runs of this process alone, by objective."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "environ", dict(os.environ))
        module = load_file(SCRIPT)
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "plot_metrics", lambda run_directory, unit: False)
        for objective in OBJECTIVES:
            module.train(objective, folder, ALONE)
    return {objective: weights(folder, objective) for objective in OBJECTIVES}


def assert_equal_runs(folder, expected):
    for objective in OBJECTIVES:
        found = weights(folder, objective)
        for name, value in expected[objective].items():
            np.testing.assert_allclose(found[name], value, rtol=0, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("n", [2, 3])
def test_a_run_of_several_processes_equals_that_of_one_with_the_same_bits_each_time(
    n, mpi, whole, tmp_path
):
    """The second run of three processes divides the moments among them."""
    for folder in ("first", "second"):
        shard = ["--shard"] if (n, folder) == (3, "second") else []
        result = mpi(n, SCRIPT, tmp_path / folder, *OBJECTIVES, *shard)
        assert result.returncode == 0, result.stderr
    assert_equal_runs(tmp_path / "first", whole)
    for objective in OBJECTIVES:
        first, second = (tmp_path / run / objective / "last" for run in ("first", "second"))
        for file in ("model.safetensors", "training_state.safetensors"):
            assert (first / file).read_bytes() == (second / file).read_bytes()


def test_runs_killed_at_a_random_step_and_resumed_by_another_number_end_like_unbroken_ones(
    mpi, whole, tmp_path
):
    rng, n = random.Random(0), 1
    for i, objective in enumerate(OBJECTIVES):
        n = n % 3 + 1
        victim, step = rng.randrange(n), rng.randrange(1, 20)
        # The run of the objective before is resumed first.
        names = [*OBJECTIVES[max(i - 1, 0) : i], objective]
        result = mpi(n, SCRIPT, tmp_path, *names, "--kill", victim, step)
        assert result.returncode == 128 + signal.SIGKILL, result.stderr
        assert f"rank {victim} " in result.stderr
        assert f"signal {signal.SIGKILL:d}" in " ".join(result.stderr.split())
    result = mpi(n % 3 + 1, SCRIPT, tmp_path, OBJECTIVES[-1])
    assert result.returncode == 0, result.stderr
    assert_equal_runs(tmp_path, whole)


def test_processes_that_mpi_does_not_join_are_an_error(mpi, monkeypatch):
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "4")
    result = mpi(1, "-c", "import os; os.environ['PMI_SIZE'] = '4'\n" + MAKE)
    assert "mpiexec started 4 processes, but each of them is alone in the MPI" in result.stdout


MAKE = """
from scratchgpt.training.mpi import Mpi
try:
    Mpi()
except ValueError as error:
    print(error)
"""


def test_a_process_that_fails_alone_ends_all(mpi):
    """The others wait for it in a sum."""
    code = """
import numpy as np
from scratchgpt.training import mpi
mpi.SECONDS_TO_LEAVE = 0.5
with mpi.Mpi() as workers:
    if workers.rank == 1:
        raise ZeroDivisionError("a bug")
    workers.sum(np.ones(3))
"""
    result = mpi(2, "-c", code)
    assert result.returncode == 1, result
    assert "ZeroDivisionError: a bug" in result.stderr


def test_sums_and_texts_of_all(mpi):
    code = """
import numpy as np
from scratchgpt.training import mpi
mpi.PIECE_BYTES = 32
with mpi.Mpi() as workers:
    flat = np.arange(9.0) * (workers.rank + 1)
    workers.sum(flat)
    totals = workers.total({"a": workers.rank, str(workers.rank): 1})
    texts = workers.gather(f"of {workers.rank}")
    flags = workers.any(workers.rank == 2), workers.any(False)
    found = flat.tolist(), totals, texts, flags, workers.n_local
    if workers.rank == 0:
        print(found)
"""
    result = mpi(3, "-c", code)
    expected = (
        [6.0 * i for i in range(9)],
        {"a": 3.0, "0": 1.0, "1": 1.0, "2": 1.0},
        ["of 0", "of 1", "of 2"],
        (True, False),
        3,
    )
    assert result.stdout == f"{expected}\n", result.stderr


def test_without_mpi4py_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "mpi4py", None)
    with pytest.raises(UserError, match=r"needs mpi4py and Open MPI; install them with pip"):
        Mpi()
