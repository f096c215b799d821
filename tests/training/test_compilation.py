"""Ahead-of-time compilation of kernels: when it runs, and that it compiles everything."""

import os
import signal
import subprocess
import sys

import pytest

from scratchgpt.backend import kernels_available
from scratchgpt.training import compilation

pytestmark = pytest.mark.skipif(not kernels_available(), reason="kernels are not available")


@pytest.fixture
def cache(monkeypatch, tmp_path):
    from scratchgpt.kernels.compiler import cache, events

    monkeypatch.setattr(cache, "cache_folder", lambda: tmp_path / "kernels")
    events.say_compiling.cache_clear()
    cache.usable_folder.cache_clear()
    yield
    cache.usable_folder.cache_clear()


@pytest.fixture
def parts(monkeypatch):
    """Fake processes that compile nothing; the exit status of the next ones can be set."""

    class Process:
        status = 0
        started = 0

        def __init__(self, command, *, start_new_session, stdin):
            assert start_new_session  # so Ctrl-C interrupts only the process that waits
            Process.started += 1

        def wait(self):
            if Process.status is None:
                raise KeyboardInterrupt
            return Process.status

    monkeypatch.setattr(compilation.subprocess, "Popen", Process)
    return Process


def test_it_is_reported_once_and_then_remembered(cache, parts, caplog):
    compilation.ensure_compiled()
    compilation.ensure_compiled()
    assert caplog.messages == ["compiling kernels (first run only) ..."]
    assert parts.started == len(compilation.PARTS)
    assert compilation.compiled_marker().exists()


def test_ctrl_c_is_not_remembered(cache, parts):
    parts.status = None
    with pytest.raises(KeyboardInterrupt):
        compilation.ensure_compiled()
    assert not compilation.compiled_marker().exists()


def test_bfloat16_is_compiled_when_requested(cache, parts):
    compilation.ensure_compiled()
    compilation.ensure_compiled(precision="bf16")
    compilation.ensure_compiled(precision="bf16")
    assert parts.started == len(compilation.PARTS) + len(compilation.BFLOAT16_PARTS)


def test_a_failure_is_not_remembered(cache, parts):
    parts.status = 1
    compilation.ensure_compiled()
    compilation.ensure_compiled()
    assert parts.started == 2 * len(compilation.PARTS)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_stopped_in_its_first_run_it_leaves_no_compiler_behind(tmp_path, number):
    """Each part has the output of its parent, which ends when the last of them has ended."""
    code = "from scratchgpt.training.compilation import ensure_compiled; ensure_compiled()"
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=environment) as run:
        assert run.stderr.readline() == b"compiling kernels (first run only) ...\n"
        run.send_signal(number)
        rest = run.stderr.read()  # ends when all processes have ended
    assert b"Error" not in rest
    assert not list(tmp_path.rglob("compiled-*"))


def test_the_parts_are_compiled_without_messages_and_remembered(tmp_path):
    """They end while a thread of theirs waits for the end of their parent."""
    code = "from scratchgpt.training.compilation import ensure_compiled; ensure_compiled()"
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment
    )
    assert run.stderr == "compiling kernels (first run only) ...\n"
    assert list(tmp_path.rglob("compiled-*"))


def test_without_kernels_there_is_nothing_to_do(cache, parts, monkeypatch):
    monkeypatch.setattr(compilation, "kernels_available", lambda: False)
    compilation.ensure_compiled()
    assert parts.started == 0


def test_a_training_step_finds_all_it_needs():
    """The parts compile for the same types and layouts as the arrays of a model."""
    code = """
import sys
from scratchgpt.training import compilation
for part in [*compilation.PARTS.values(), *compilation.BFLOAT16_PARTS.values()]:
    part()
from scratchgpt.kernels.compiler.parallel import kernel
from scratchgpt.precision import products_in
kernels = [x for name, module in list(sys.modules.items()) if name.startswith("scratchgpt.kernels.")
           for x in vars(module).values() if isinstance(x, kernel)]
def compiled():
    return [(len(x.turn.overloads), len(x.loop.overloads)) for x in kernels]
before = compiled()
import numpy as np
from scratchgpt.models import GPT, GPTConfig
from scratchgpt.optim import AdamW, global_norm
model = GPT(GPTConfig(n_layer=1, n_head=2, n_embd=8, block_size=8, vocab_size=7))
tokens = np.arange(8).reshape(1, 8) % 7
loss, saved = model.loss(tokens, tokens)
model.loss_backward(1.0, saved, in_place=True)
global_norm(model.store.grads)
AdamW(model.store).step(0.1)
with products_in("bf16"):
    loss, saved = model.loss(tokens, tokens)
    model.loss_backward(1.0, saved, in_place=True)
print(before == compiled(), set(before) <= {(0, 0), (1, 1), (2, 2)}, sum(n for n, _ in before))
"""
    environment = {**os.environ, "SCRATCHGPT_THREADS": "1"}
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    from scratchgpt.kernels.compiler.cpu import HAS_BFLOAT16_DOT

    n_kernels = 14 + 2 * HAS_BFLOAT16_DOT
    assert run.stdout.split() == ["True", "True", str(n_kernels)]
