"""The recorded step is the step itself, and the recording is complete."""

import numpy as np
import pytest

from scratchgpt import kernels
from scratchgpt.errors import UserError
from scratchgpt.explore import record as module
from scratchgpt.explore.record import record, short_path
from scratchgpt.memory import nbytes, walk


def test_loss_and_gradients_are_those_of_the_unobserved_step_bit_for_bit(each_step):
    step = each_step
    recording = record(step)
    step.model.store.zero_grad()
    with kernels.disabled():
        loss, saved = step.objective.loss(step.batch, dropout_seed=step.dropout_seed)
        n_bytes = nbytes(saved, exclude=[step.model.store.values])
        step.objective.loss_backward(1.0, saved)
    assert recording.loss == float(loss)
    assert recording.n_bytes == n_bytes == sum(node.n_bytes for _, node in recording.nodes)
    for name, grad in recording.grads.items():
        np.testing.assert_array_equal(grad, step.model.store.named[name].grad)


def test_a_step_that_depends_on_being_observed_is_refused(step, monkeypatch):
    run = module._run
    monkeypatch.setattr(module, "_run", lambda step: (run(step)[0] + 1e-6, run(step)[1]))
    with pytest.raises(UserError, match="differs from the same step without the observer"):
        record(step)


def test_every_saved_array_belongs_to_a_call(each_step):
    step = each_step
    recording = record(step)
    with kernels.disabled():
        _, saved = step.objective.loss(step.batch, dropout_seed=step.dropout_seed)
    found = {f"{node.path}.{name}" for _, node in recording.nodes for name, _ in walk(node.saved)}
    # The memory of the decoder is kept beside the saved of its operations.
    assert {path for path, _ in walk(saved)} - found <= {"model.decoder.memory"}
    for call, node in recording.nodes:
        assert type(node.saved).__name__.lower() == f"{call.op.replace('_', '')}saved"


def test_arrays_are_copied_before_the_code_overwrites_them(step):
    calls = record(step).calls
    head = next(c for c in calls if c.path == "lm_head" and c.way == "forward")
    loss = next(c for c in calls if c.op == "cross_entropy" and c.way == "backward")
    np.testing.assert_array_equal(head.result[0], loss.inputs["saved"].logits)
    assert not np.array_equal(head.result[0], loss.result)  # it overwrote the logits


def test_a_forward_that_the_backward_pass_repeats_has_the_phase_backward(step):
    repeated = [c for c in record(step).calls if c.way == "forward" and c.phase == "backward"]
    assert [(c.op, c.path) for c in repeated[:3]] == [
        ("layer_norm", "transformer.h.1.ln_2"),
        ("gelu", "transformer.h.1.mlp"),
        ("layer_norm", "transformer.h.1.ln_1"),
    ]


def test_a_short_path_leaves_out_what_does_not_distinguish():
    path = "model.transformer.stack.h.0.attn.branch.attention"
    assert short_path(path) == "h.0.attn.attention"
    assert short_path("model.decoder.embedding.wte") == "decoder.embedding.wte"
