"""The library does not change its process: BLAS threads and environment variables."""

import json
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
import threadpoolctl

import scratchgpt
from scratchgpt import kernels, threads
from scratchgpt.backend import kernels_available

with_kernels = pytest.mark.skipif(not kernels_available(), reason="kernels are not available here")

N_THREADS = """
import json, os
import numpy as np
import threadpoolctl
import scratchgpt

def n_threads():
    pools = threadpoolctl.threadpool_info()
    return [pool["num_threads"] for pool in pools if pool["user_api"] == "blas"]
"""


@pytest.fixture
def blas():
    """``blas()`` returns the number of threads of each loaded BLAS, initially 2."""

    def n_threads():
        return [
            p["num_threads"] for p in threadpoolctl.threadpool_info() if p["user_api"] == "blas"
        ]

    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        if 2 not in n_threads():
            pytest.skip("no BLAS here whose threads can be set")
        yield n_threads


def in_a_fresh_process(code, **environment):
    """Run code in a new process with two BLAS threads; return what it prints as JSON."""
    variables = {**os.environ, "OPENBLAS_NUM_THREADS": "2", "MKL_NUM_THREADS": "2", **environment}
    run = subprocess.run(
        [sys.executable, "-c", N_THREADS + code],
        capture_output=True,
        text=True,
        check=True,
        env=variables,
    )
    return json.loads(run.stdout)


def test_the_threads_of_blas_are_restored_after_everything():
    code = """
from scratchgpt.generation import generate
from scratchgpt.models import GPT, GPTConfig
from scratchgpt.ops import layer_norm_forward
from scratchgpt.training import NextToken, TrainConfig, Trainer

class Batches:
    def train_batch(self, index):
        seen.append(n_threads())
        return np.zeros((1, 4), np.int64), np.ones((1, 4), np.int64)
    def validation_batches(self):
        return iter(())

def on_token(*_):
    seen.append(n_threads())
    return False

seen = []
model = GPT(GPTConfig(n_layer=1, n_head=1, n_embd=4, block_size=8, vocab_size=5))
trainer = Trainer(NextToken(model), Batches(), TrainConfig(steps=1, eval_interval=0))
around = [n_threads()]
layer_norm_forward(np.ones((2, 4), np.float32), np.ones(4, np.float32))
around.append(n_threads())
generate(model, [[1, 2]], max_new_tokens=1, on_token=on_token)
around.append(n_threads())
trainer.train()
around.append(n_threads())
print(json.dumps([around, seen]))
"""
    around, seen = in_a_fresh_process(code)
    if 2 not in around[0]:
        pytest.skip("no BLAS here whose threads can be set")
    assert around == [around[0]] * 4
    assert seen == ([[1] * len(around[0])] * 2 if kernels_available() else [around[0]] * 2)


def test_an_operation_leaves_the_environment_alone():
    code = """
from scratchgpt.ops import layer_norm_forward
before = dict(os.environ)
layer_norm_forward(np.ones((2, 4), np.float32), np.ones(4, np.float32))
print(json.dumps([before, dict(os.environ)]))
"""
    before, after = in_a_fresh_process(code)
    assert before == after
    before, after = in_a_fresh_process(code, GOMP_SPINCOUNT="7", KMP_BLOCKTIME="3")
    assert before == after
    assert (after["GOMP_SPINCOUNT"], after["KMP_BLOCKTIME"]) == ("7", "3")


@with_kernels
def test_one_pool_limits_blas_and_restores_it(blas):
    before = blas()
    with scratchgpt.one_pool():
        assert set(blas()) == {1}
    assert blas() == before


@with_kernels
def test_it_restores_after_an_exception(blas):
    before = blas()
    with pytest.raises(KeyError), scratchgpt.one_pool():
        raise KeyError
    assert blas() == before


@with_kernels
def test_it_may_be_nested(blas):
    before = blas()
    with scratchgpt.one_pool():
        with scratchgpt.one_pool():
            assert set(blas()) == {1}
        assert set(blas()) == {1}
    assert blas() == before


@with_kernels
def test_the_last_of_several_python_threads_restores(blas):
    """The first thread leaves first, so that blocks do not end in reverse order."""
    before = blas()
    second_is_inside, first_has_left = threading.Event(), threading.Event()
    seen = []

    def second():
        with scratchgpt.one_pool():
            second_is_inside.set()
            first_has_left.wait(10)
            seen.append(set(blas()))

    thread = threading.Thread(target=second)
    with scratchgpt.one_pool():
        thread.start()
        assert second_is_inside.wait(10)
    first_has_left.set()
    thread.join()
    assert seen == [{1}]
    assert blas() == before


@with_kernels
def test_a_nested_block_also_limits_what_was_loaded_since(blas):
    """Setting the threads of a library inside a block simulates a library loaded there."""
    before = blas()
    with scratchgpt.one_pool():
        for library in threadpoolctl.ThreadpoolController().lib_controllers:
            if library.user_api == "blas":
                library.set_num_threads(2)
        with scratchgpt.one_pool():
            assert set(blas()) == {1}
    assert blas() == before


@with_kernels
def test_a_library_that_is_loaded_later_is_found():
    code = """
with scratchgpt.one_pool():
    pass
import scipy.linalg
before = n_threads()
with scratchgpt.one_pool():
    inside = n_threads()
print(json.dumps([before, inside, n_threads()]))
"""
    before, inside, after = in_a_fresh_process(code)
    assert inside == [1] * len(before)
    assert after == before


@with_kernels
def test_a_library_that_counts_for_each_python_thread_is_restored_in_each(monkeypatch):
    class Library(threading.local):
        user_api, threading_layer, n_threads = "blas", "openmp", 4

        def get_num_threads(self):
            return self.n_threads

        def set_num_threads(self, n):
            self.n_threads = n

    class Controller:
        library = Library()

        def __init__(self):
            self.lib_controllers = [self.library]

    monkeypatch.setattr(threadpoolctl, "ThreadpoolController", Controller)
    monkeypatch.setattr(threads, "_found", (0, []))
    seen = []

    def second():
        with scratchgpt.one_pool():
            seen.append(Controller.library.n_threads)
        seen.append(Controller.library.n_threads)

    thread = threading.Thread(target=second)
    with scratchgpt.one_pool():
        thread.start()
        thread.join()
        assert Controller.library.n_threads == 1
    assert Controller.library.n_threads == 4
    assert seen == [1, 4]


def test_without_kernels_it_changes_nothing(blas):
    before = blas()
    with kernels.disabled(), scratchgpt.one_pool():
        assert blas() == before


@with_kernels
def test_kernels_of_one_precision_are_enough(blas):
    with kernels.disabled(np.float32), scratchgpt.one_pool():
        assert set(blas()) == {1}


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system has no CPU affinity")
def test_cores_that_belong_to_others_do_not_count():
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert threads.n_cores() == 1
    finally:
        os.sched_setaffinity(0, before)
