"""An observer sees every operation and its layer, and does not change any result."""

import inspect
import sys
from contextlib import nullcontext

import numpy as np
import pytest

import scratchgpt.ops as ops
from scratchgpt import kernels
from scratchgpt.models import GPT, GPTConfig, Transformer, TransformerConfig
from scratchgpt.ops import observed, observing
from scratchgpt.optim import AdamW, global_norm
from scratchgpt.verify.examples import EXAMPLES

PAIRS = [name for name in ops.__all__ if name.endswith(("_forward", "_backward"))]


class Log:
    """Records one line per start and end of an operation, in order."""

    def __init__(self):
        self.lines = []

    def begin(self, name, path, inputs):
        self.lines.append(("begin", name, path, inputs))

    def end(self, name, path, result):
        self.lines.append(("end", name, path, result))

    def seen(self):
        return [(name, path) for event, name, path, _ in self.lines if event == "begin"]

    def assert_nested(self):
        """Check that each end matches the last open start, and that none remains open."""
        opened = []
        for event, name, path, _ in self.lines:
            if event == "begin":
                opened.append((name, path))
            else:
                assert opened.pop() == (name, path)
        assert opened == []


def test_every_public_operation_has_an_example():
    assert {f"{name}_{way}" for name in EXAMPLES for way in ("forward", "backward")} == set(PAIRS)


@pytest.mark.parametrize("implementation", ["reference", "kernels"])
def test_every_operation_reports_and_computes_the_same(example, case, implementation):
    """Test without kernels, which do not support complex numbers, and with available kernels."""
    inputs, settings = case.build(np.float32 if implementation == "kernels" else np.complex128)
    y, saved = example.forward(*inputs.values(), **settings)
    dy = np.random.default_rng(3).standard_normal(np.shape(y)).astype(np.asarray(y).dtype)
    dy = dy if isinstance(y, np.ndarray) else dy[()]
    expected = example.backward(dy, saved)

    log = Log()
    with observing(log):
        y_seen, saved_seen = example.forward(*inputs.values(), **settings)
        gradients = example.backward(dy, saved_seen)
    np.testing.assert_equal(y_seen, y)
    np.testing.assert_equal(gradients, expected)

    log.assert_nested()
    first = next(i for i, line in enumerate(log.lines) if line[1].endswith("_backward"))
    for lines, name, given, result in (
        (log.lines[:first], f"{example.name}_forward", [*inputs.values()], (y_seen, saved_seen)),
        (log.lines[first:], f"{example.name}_backward", [dy, saved_seen], gradients),
    ):
        assert lines[0][:3] == ("begin", name, "")
        assert lines[-1][:3] == ("end", name, "")
        assert lines[-1][3] is result or lines[-1][3] == result
        parameters = list(inspect.signature(getattr(ops, name)).parameters)
        seen = lines[0][3]
        assert list(seen)[: len(given)] == parameters[: len(given)]
        assert all(a is b for a, b in zip(seen.values(), given, strict=False))
        assert set(seen) <= set(parameters)


def small(kind):
    sizes = {"n_head": 2, "n_embd": 8, "block_size": 6, "vocab_size": 11, "dropout": 0.2}
    if kind == "gpt":
        return GPT(GPTConfig(n_layer=2, **sizes), dtype=np.float64)
    config = TransformerConfig(n_encoder_layer=1, n_decoder_layer=2, **sizes)
    return Transformer(config, dtype=np.float64)


def step(model, recompute=False):
    rng = np.random.default_rng(0)
    arrays = [
        rng.integers(0, 11, (2, n)) for n in ((4, 5, 5) if "decoder" in vars(model) else (5, 5))
    ]
    model.store.zero_grad()
    loss, saved = model.loss(*arrays, dropout_seed=3, recompute=recompute)
    model.loss_backward(1.0, saved)
    return loss, model.store.grads.copy()


@pytest.mark.parametrize("recompute", [False, True])
@pytest.mark.parametrize("kind", ["gpt", "transformer"])
@pytest.mark.parametrize("implementation", ["reference", "kernels"])
def test_an_observed_step_is_the_unobserved_one_bit_for_bit(kind, recompute, implementation):
    model, log = small(kind), Log()
    with kernels.disabled() if implementation == "reference" else nullcontext():
        loss, grads = step(model, recompute)
        with observing(log, model):
            loss_seen, grads_seen = step(model, recompute)
    assert loss_seen == loss
    np.testing.assert_array_equal(grads_seen, grads)
    log.assert_nested()


def test_the_path_is_that_of_the_layer_that_calls():
    model, log = small("gpt"), Log()
    with kernels.disabled(), observing(log, model):
        step(model)
    seen = log.seen()
    assert seen[:3] == [
        ("embedding_forward", "transformer.wte"),
        ("embedding_forward", "transformer.wpe"),
        ("dropout_forward", "transformer.drop"),
    ]
    assert [s for s in seen if s[0].startswith("cross_entropy")] == [
        ("cross_entropy_forward", ""),
        ("cross_entropy_backward", ""),
    ]
    for line in (
        ("linear_forward", "transformer.h.1.attn.c_attn"),
        ("attention_forward", "transformer.h.1.attn"),
        ("gelu_backward", "transformer.h.0.mlp"),
        ("residual_layer_norm_forward", "transformer.h.0.ln_2"),
        ("residual_forward", "transformer.h.0"),
        ("layer_norm_backward", "transformer.ln_f"),
        ("linear_backward", "lm_head"),
    ):
        assert line in seen
    assert seen[-1] == ("embedding_backward", "transformer.wte")
    layers = dict(model.named_layers())
    assert all(path in layers for _, path in seen)


def test_paths_distinguish_encoder_and_decoder():
    model, log = small("transformer"), Log()
    with observing(log, model):
        step(model)
    seen = log.seen()
    for path in ("encoder.h.0.attn.c_attn", "decoder.h.1.cross.c_kv", "decoder.h.0.attn.c_proj"):
        assert ("linear_forward", path) in seen
        assert ("linear_backward", path) in seen
    assert ("embedding_forward", "encoder.embedding.wte") in seen  # shared by both


def test_without_a_model_and_outside_of_its_layers_there_is_no_path():
    model, log = small("gpt"), Log()
    with observing(log):
        step(model)
    with observing(log, small("gpt")):
        step(model)
        ops.relu_forward(np.ones(3))
    assert {path for _, path in log.seen()} == {""}


def test_the_update_and_the_gradient_norm_report_too():
    model, log = small("gpt"), Log()
    step(model)
    optimizer = AdamW(model.store)
    with observing(log, model):
        norm = global_norm(model.store.grads)
        optimizer.step(0.1, grad_scale=0.5)
    assert [line[:3] for line in log.lines] == [
        ("begin", "global_norm", ""),
        ("end", "global_norm", ""),
        ("begin", "adamw_step", ""),
        ("end", "adamw_step", ""),
    ]
    assert log.lines[1][3] == norm
    assert log.lines[2][3] == {"self": optimizer, "lr": 0.1, "grad_scale": 0.5}


def test_an_error_ends_its_operations_and_is_raised():
    log = Log()
    bad = np.ones((2, 3), np.float32), np.ones((2, 3), np.float32), np.ones(4, np.float32)
    with observing(log), pytest.raises(ValueError, match="channels"):
        ops.residual_layer_norm_forward(*bad)
    log.assert_nested()
    assert log.lines[-1] == ("end", "residual_layer_norm_forward", "", None)


def test_only_the_innermost_observer_is_active():
    outer, inner = Log(), Log()
    with observing(outer):
        with observing(inner):
            ops.relu_forward(np.ones(3))
        ops.relu_backward(np.ones(3), ops.ReluSaved(np.ones(3)))
    ops.relu_forward(np.ones(3))
    assert inner.seen() == [("relu_forward", "")]
    assert outer.seen() == [("relu_backward", "")]


def test_an_operation_keeps_its_signature_and_documentation():
    for name in PAIRS:
        function = getattr(ops, name)
        assert function.__name__ == name
        assert inspect.signature(function) == inspect.signature(function.__wrapped__)
        assert function.__doc__


def test_a_user_defined_operation_is_observed_too():
    @observed
    def double_forward(x, factor=2):
        return factor * x, None

    log = Log()
    with observing(log):
        double_forward(3, factor=4)
    assert log.lines[0] == ("begin", "double_forward", "", {"x": 3, "factor": 4})
    assert log.lines[1][3] == (12, None)


def test_without_an_observer_an_operation_takes_two_more_calls():
    """Their time is measured by benchmarks/limits.py."""

    @observed
    def nothing(x):
        return x

    calls = []
    sys.setprofile(lambda frame, event, argument: calls.append(event))
    nothing(1)
    sys.setprofile(None)
    calls.remove("call")  # of nothing itself
    calls = sorted(event for event in calls if event.endswith("call"))
    assert calls == ["c_call", "c_call", "call"]  # _watch.get, setprofile and the wrapper
