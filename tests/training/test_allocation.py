"""After the first step nothing is allocated and no page is faulted in."""

import functools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from scratchgpt.backend import kernels_available

SCRIPT = Path(__file__).with_name("allocation_process.py")
# The smallest activation (B, T, C) has half a megabyte, the gradient of a weight matrix 64 kB or
# more. Below this are what NumPy buffers while it casts, rows of one number a token, and views.
BOUND = 200_000


@functools.cache
def measured(kernels):
    """In a process of its own, which no other test disturbs."""
    environment = {**os.environ, "SCRATCHGPT_KERNELS": kernels, "OPENBLAS_NUM_THREADS": "1"}
    run = subprocess.run(
        [sys.executable, str(SCRIPT)], capture_output=True, text=True, check=True, env=environment
    )
    return json.loads(run.stdout)


@pytest.fixture(params=["on", "off"])
def answer(request):
    if request.param == "on" and not kernels_available():
        pytest.skip("there are no kernels here")
    return measured(request.param)


each_work = pytest.mark.parametrize("work", ["update", "evaluate"])


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere page faults are counted otherwise")
@each_work
def test_no_page_is_faulted_in_after_the_first_time(work, answer):
    assert answer["update"]["first_faults"] > 1_000  # the counter counts
    assert answer[work]["later_faults"] < 100


@pytest.mark.skipif(sys.platform == "win32", reason="the counters are those of Unix")
@each_work
def test_no_array_is_allocated_after_the_first_time(work, answer):
    assert answer[work]["growth"] < BOUND
