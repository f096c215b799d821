"""What is said and delayed while kernels are compiled."""

import os
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest

numba = pytest.importorskip("numba")

from scratchgpt.kernels.compiler import events  # noqa: E402

CALLS = """
import sys
import numba, numpy as np
numba.njit(lambda: 1)()
print("a function of the user", file=sys.stderr, flush=True)
from scratchgpt.ops import relu_forward
for dtype in (np.float32, np.float64):
    relu_forward(np.ones(2, dtype))
"""
LINE = "compiling kernels (first run only) ...\n"


def test_a_process_that_compiles_says_so_once_and_the_next_one_says_nothing(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    said = [
        subprocess.run(
            [sys.executable, "-c", CALLS], capture_output=True, text=True, env=environment
        ).stderr
        for _ in range(2)
    ]
    assert said == ["a function of the user\n" + LINE, "a function of the user\n"]


def event(kind="numba:compile", module="scratchgpt.kernels.relu"):
    function = SimpleNamespace(__module__=module)
    return SimpleNamespace(kind=kind, data={"dispatcher": SimpleNamespace(py_func=function)})


@pytest.fixture
def compilation(monkeypatch):
    monkeypatch.setattr(events, "say_compiling", lambda: None)
    yield events.Compilation()
    signal.signal(signal.SIGINT, signal.default_int_handler)


PASS = event("numba:run_pass")


@pytest.mark.parametrize(
    "rest",
    [
        lambda it: it.on_start(PASS),
        lambda it: it.on_end(PASS),
        lambda it: it.on_start(event(module="scratchgpt.kernels.parts.tile")),
        lambda it: it.on_end(event()),
    ],
    ids=["next pass", "end of a pass", "a function that it calls", "end"],
)
def test_ctrl_c_is_delayed_to_the_end_of_a_pass(compilation, rest):
    compilation.on_start(event())
    signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        rest(compilation)


def test_afterwards_ctrl_c_interrupts_at_once_as_before(compilation):
    inner = event(module="scratchgpt.kernels.parts.tile")
    for one in (event(), inner):
        compilation.on_start(one)
    for one in (inner, event()):
        assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
        compilation.on_end(one)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_functions_of_others_delay_nothing(compilation):
    compilation.on_start(event(module="mine"))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    compilation.on_end(event(module="mine"))


def test_a_handler_of_the_program_is_not_replaced(compilation):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        compilation.on_start(event())
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        compilation.on_end(event())
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
