"""After the first step no memory is allocated and no page fault occurs."""

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
# more. NumPy's buffers for casts, arrays with one number per token, and views are smaller than
# this.
BOUND = 200_000


@functools.cache
def measured(kernels, optimizer):
    """Measure in a separate process, so that no other test interferes."""
    environment = {**os.environ, "SCRATCHGPT_KERNELS": kernels, "OPENBLAS_NUM_THREADS": "1"}
    run = subprocess.run(
        [sys.executable, str(SCRIPT), optimizer],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    return json.loads(run.stdout)


@pytest.fixture(params=[("on", "adamw"), ("off", "adamw"), ("on", "muon")], ids="-".join)
def answer(request):
    kernels, optimizer = request.param
    if kernels == "on" and not kernels_available():
        pytest.skip("kernels are not available")
    return measured(kernels, optimizer)


each_work = pytest.mark.parametrize("work", ["update", "evaluate"])


@pytest.mark.skipif(sys.platform != "linux", reason="other systems count page faults differently")
@each_work
def test_no_page_is_faulted_in_after_the_first_time(work, answer):
    assert answer["update"]["first_faults"] > 1_000  # the counter works
    assert answer[work]["later_faults"] < 100


@pytest.mark.skipif(sys.platform == "win32", reason="the counters need Unix")
@each_work
def test_no_array_is_allocated_after_the_first_time(work, answer):
    assert answer[work]["growth"] < BOUND
