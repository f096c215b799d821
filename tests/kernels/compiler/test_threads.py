"""The number of threads, and the settings that determine it."""

import importlib
import os
import subprocess
import sys

import pytest


def has_layer(name: str) -> bool:
    """Whether Numba can use a threading layer here."""
    pools = {"omp": "omppool", "tbb": "tbbpool", "workqueue": "workqueue"}
    try:
        importlib.import_module(f"numba.np.ufunc.{pools[name]}")
    except ImportError:
        return False
    return True


def answer(code: str, **environment: str) -> str:
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )
    return run.stdout.strip() or run.stderr.strip().splitlines()[-1]


THREADS = "from scratchgpt.kernels.compiler.threads import n_threads; print(n_threads())"


def test_the_environment_decides():
    assert answer(THREADS, SCRATCHGPT_THREADS="1") == "1"


def test_more_threads_than_available_uses_all_and_says_so():
    everything = answer("import numba; print(numba.config.NUMBA_NUM_THREADS)")
    with_filter = f"import warnings; warnings.simplefilter('error')\n{THREADS}"
    assert answer(THREADS, SCRATCHGPT_THREADS="1000") == everything
    told = answer(with_filter, SCRATCHGPT_THREADS="1000")
    assert f"1000 threads were requested, but this process has {everything}" in told
    assert answer(with_filter, SCRATCHGPT_THREADS="3", NUMBA_NUM_THREADS="3") == "3"


def test_all_python_threads_use_the_same_number():
    code = """
import threading
from scratchgpt.kernels.compiler.threads import n_threads
thread = threading.Thread(target=lambda: print(n_threads()))
thread.start()
thread.join()
"""
    assert answer(code, SCRATCHGPT_THREADS="1") == "1"


PRODUCT = """
import os, threading
import numpy as np
from scratchgpt.kernels.gemm import matmul
from scratchgpt.kernels.compiler.threads import n_threads
a = np.random.default_rng(0).standard_normal((512, 512), dtype=np.float32)
def product():
    out = np.empty_like(a)
    matmul(a, a, out)
    return out
expected = product()
"""
LAYERS = [layer for layer in ("omp", "workqueue", "tbb") if has_layer(layer)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.parametrize("layer", LAYERS)
def test_a_forked_process_computes_the_same_bits_on_one_thread(layer):
    """GNU OpenMP aborts a forked process that uses it; other threads are lost in it."""
    code = (
        PRODUCT
        + """
import multiprocessing
def work(results):
    results.put((n_threads(), bool((product() == expected).all())))
results = multiprocessing.get_context("fork").Queue()
child = multiprocessing.get_context("fork").Process(target=work, args=(results,))
child.start()
print(results.get(timeout=120), child.join(), child.exitcode, n_threads())
"""
    )
    told = answer(code, NUMBA_THREADING_LAYER=layer, SCRATCHGPT_THREADS="2", NUMBA_NUM_THREADS="2")
    assert told == "(1, True) None 0 2"


@pytest.mark.parametrize("layer", LAYERS)
def test_python_threads_compute_at_the_same_time(layer):
    """Numba without OpenMP and TBB aborts the process if two Python threads use its threads."""
    code = (
        PRODUCT
        + """
equal = []
def work():
    for _ in range(50):
        equal.append(bool((product() == expected).all()))
threads = [threading.Thread(target=work) for _ in range(4)]
for one in threads: one.start()
for one in threads: one.join()
print(len(equal), all(equal))
"""
    )
    told = answer(code, NUMBA_THREADING_LAYER=layer, SCRATCHGPT_THREADS="2", NUMBA_NUM_THREADS="2")
    assert told == "200 True"


@pytest.mark.parametrize("setting", ["0", "-1", "many", "1.5", "", "²", "٣"])
def test_an_invalid_number_of_threads_is_refused(setting):
    told = answer(THREADS, SCRATCHGPT_THREADS=setting)
    assert told.endswith(
        f"UserError: SCRATCHGPT_THREADS={setting!r} must be a whole number of at least 1"
    )


def test_the_openmp_runtime_reads_how_long_to_spin():
    """The variables are set only while the runtime is loaded."""
    code = """
import importlib
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
