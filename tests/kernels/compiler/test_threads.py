"""How many threads compute, and who may say so."""

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


def test_more_than_there_are_is_all_of_them():
    everything = answer("import numba; print(numba.config.NUMBA_NUM_THREADS)")
    assert answer(THREADS, SCRATCHGPT_THREADS="1000") == everything


@pytest.mark.parametrize("setting", ["0", "-1", "many", "1.5", ""])
def test_what_is_no_number_of_threads_is_refused(setting):
    told = answer(THREADS, SCRATCHGPT_THREADS=setting)
    assert told.endswith(
        f"UserError: SCRATCHGPT_THREADS={setting!r} must be a whole number of at least 1"
    )


def test_blas_keeps_to_one_thread_also_where_numpy_was_there_first():
    code = """
import numpy as np
np.ones((300, 300)) @ np.ones((300, 300))
import scratchgpt.kernels.compiler.threads, threadpoolctl
print({pool["num_threads"] for pool in threadpoolctl.threadpool_info()
       if pool["user_api"] == "blas"})
"""
    assert answer(code, SCRATCHGPT_THREADS="2") == "{1}"


def test_the_kernels_can_only_be_on_or_off():
    code = "from scratchgpt.backend import kernels_available; kernels_available()"
    told = answer(code, SCRATCHGPT_KERNELS="perhaps")
    assert told.endswith("UserError: SCRATCHGPT_KERNELS='perhaps' must be 'on' or 'off'")
