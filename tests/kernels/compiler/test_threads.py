"""The number of threads, and the settings that determine it."""

import os
import subprocess
import sys

import pytest


def answer(code: str, **environment: str) -> str:
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )
    return run.stdout.strip() or run.stderr.strip().splitlines()[-1]


THREADS = "import scratchgpt.kernels.compiler.threads, numba; print(numba.get_num_threads())"


def test_the_environment_decides():
    assert answer(THREADS, SCRATCHGPT_THREADS="1") == "1"


def test_more_threads_than_available_uses_all():
    everything = answer("import numba; print(numba.config.NUMBA_NUM_THREADS)")
    assert answer(THREADS, SCRATCHGPT_THREADS="1000") == everything


@pytest.mark.parametrize("setting", ["0", "-1", "many", "1.5", ""])
def test_an_invalid_number_of_threads_is_refused(setting):
    told = answer(THREADS, SCRATCHGPT_THREADS=setting)
    assert told.endswith(
        f"UserError: SCRATCHGPT_THREADS={setting!r} must be a whole number of at least 1"
    )


def test_the_openmp_runtime_reads_how_long_to_spin():
    """The variables are set only while the runtime is loaded."""
    code = """
import os
import scratchgpt.kernels.compiler.threads, numba
if numba.threading_layer() != "omp":
    print("none")
assert "GOMP_SPINCOUNT" not in os.environ
"""
    environment = {name: value for name, value in os.environ.items() if "SPIN" not in name}
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**environment, "OMP_DISPLAY_ENV": "verbose"},
    )
    if "GOMP_" not in run.stderr:
        pytest.skip("Numba does not use GCC's OpenMP here")
    assert "GOMP_SPINCOUNT = '2000'" in run.stderr


@pytest.mark.parametrize("setting", ["perhaps", ""])
def test_the_kernels_can_only_be_on_off_or_forced(setting):
    code = "from scratchgpt.backend import kernels_available; kernels_available()"
    told = answer(code, SCRATCHGPT_KERNELS=setting)
    assert told.endswith(
        f"UserError: SCRATCHGPT_KERNELS={setting!r} must be 'on', 'off' or 'force'"
    )
