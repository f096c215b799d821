"""examples/tape.py trains a GPT with the gradients of its backward pass, bit for bit."""

import ast
import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from scratchgpt import kernels
from scratchgpt.models import GPT, GPTConfig
from scratchgpt.optim import AdamW
from scratchgpt.verify import check_vjp

PATH = Path(__file__).parents[2] / "examples" / "tape.py"
SOURCE = PATH.read_text(encoding="utf-8")
CONFIG = GPTConfig(n_layer=2, n_head=3, n_embd=12, block_size=8, vocab_size=29)


@pytest.fixture(scope="module")
def tape():
    spec = importlib.util.spec_from_file_location("tape_example", PATH)
    module = sys.modules["tape_example"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules["tape_example"]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_it_trains_a_gpt_with_gradients_equal_bit_for_bit(tape, dtype, rng):
    by_hand, by_tape = (GPT(CONFIG, dtype=dtype) for _ in range(2))
    optimizers = [AdamW(model.store) for model in (by_hand, by_tape)]
    text = np.arange(500) * 7 % 29  # each token determines the next one
    losses = []
    with kernels.disabled():
        for _ in range(40):
            windows = text[rng.integers(490, size=(4, 1)) + np.arange(8)]
            tokens, targets = windows[:, :-1], windows[:, 1:]
            by_hand.store.zero_grad()
            loss, saved = by_hand.loss(tokens, targets)
            by_hand.loss_backward(1.0, saved)

            by_tape.store.zero_grad()
            record = tape.Tape()
            value = tape.loss_of_a_gpt(record, by_tape, tokens, targets)
            record.backward(value)

            assert value.data == loss
            assert np.array_equal(by_tape.store.grads, by_hand.store.grads)
            for optimizer in optimizers:
                optimizer.step(0.01)
            losses.append(float(loss))
    assert np.array_equal(by_tape.store.values, by_hand.store.values)
    assert losses[-1] < 0.7 * losses[0]


def test_the_tape_takes_about_sixty_lines():
    tree = ast.parse(SOURCE)
    of_the_tape = ("Value", "Leaf", "Tape", "backward_of")
    parts = [node for node in tree.body if getattr(node, "name", "") in of_the_tape]
    assert len(parts) == 4
    lines = [
        line
        for part in parts
        for line in SOURCE.splitlines()[part.lineno - 1 : part.end_lineno]
        if line.strip()
    ]
    assert len(lines) <= 60


def test_it_imports_no_backward():
    imports = [node for node in ast.walk(ast.parse(SOURCE)) if isinstance(node, ast.ImportFrom)]
    names = [name.name for node in imports for name in node.names]
    assert "linear_forward" in names
    assert not [name for name in names if "backward" in name]


def test_a_value_that_is_used_twice_gets_the_sum_and_one_that_is_not_used_gets_nothing(tape):
    from scratchgpt.ops import relu_forward, residual_forward

    record = tape.Tape()
    x = tape.Value(np.array([3.0, -2.0]))
    y = record(residual_forward, x, record(relu_forward, x))
    unused = record(relu_forward, y)
    record.records[-1], record.records[-2] = record.records[-2], record.records[-1]
    record.backward(y)
    assert unused.grad is None
    assert x.grad.tolist() == [2.0, 1.0]


def test_its_own_pairs_are_right(tape, rng):
    qkv, y = rng.standard_normal((2, 5, 12)), rng.standard_normal((2, 3, 5, 4))
    for part in range(3):
        check_vjp(
            tape.heads_forward,
            tape.heads_backward,
            {"qkv": qkv},
            settings={"part": part, "n_head": 2},
        ).raise_if_failed()
    check_vjp(tape.merge_forward, tape.merge_backward, {"y": y}).raise_if_failed()
