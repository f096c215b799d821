"""The update is the one that training makes, and the gradient is the slope of the loss."""

import numpy as np
import pytest

from scratchgpt import kernels
from scratchgpt.explore.assemble import assemble
from scratchgpt.explore.record import record
from scratchgpt.explore.update import compute_update, slices
from scratchgpt.explore.values import Values
from scratchgpt.optim import newton_schulz
from scratchgpt.training.step import Stepper


class OneBatch:
    """A data source whose batches are all the same."""

    def __init__(self, batch):
        self.batch = batch

    def train_batch(self, index):
        return self.batch


def updated(step):
    recording, values = record(step), Values(10**6)
    _, sums = assemble(recording, values)
    return compute_update(recording, values, sums), values


OPTIMIZERS = {
    "adamw": {},
    "muon": {"optimizer": "muon"},
    "muon, rates of AdamW": {"optimizer": "muon", "muon_adjust_lr": "match_rms_adamw"},
}


@pytest.mark.parametrize("training", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_the_new_values_are_those_of_training_bit_for_bit(make_step, training):
    step = make_step("gpt", training=training)
    before = step.model.store.values.copy()
    update, values = updated(step)
    np.testing.assert_array_equal(step.model.store.values, before)
    state = step.optimizer
    stepper = Stepper(step.objective, OneBatch(step.batch), state.config)
    for name, moment in stepper.optimizer.named_moments().items():
        moment[...] = state.moments[name]
    stepper.optimizer.n_steps = state.n_steps
    with kernels.disabled():
        made = stepper.update(5)
    assert made.grad_norm == update.norm
    assert update.clip < 1
    for row in update.rows:
        np.testing.assert_array_equal(
            values[row.after].array, step.model.store.named[row.name].value, err_msg=row.name
        )


def test_the_step_of_muon_explains_its_new_values(make_step):
    """Value, step and rate of each matrix give the new value of the optimizer, bit for bit."""
    update, values = updated(make_step("gpt", training={"optimizer": "muon"}))
    moved = [row for row in update.rows if row.parts]
    assert {row.name.split(".", 3)[-1] for row in moved} == {
        "attn.c_attn.weight",
        "attn.c_proj.weight",
        "mlp.c_fc.weight",
        "mlp.c_proj.weight",
    }
    for row in update.rows:
        named = {name: values[number].array for name, number in row.moments}
        assert set(named) == ({"M", "ahead", "O"} if row.parts else {"m", "v"})
        if not row.parts:
            continue
        expected = values[row.value].array.copy()
        for columns, rate in row.parts:
            step = newton_schulz(named["ahead"][:, columns])
            np.testing.assert_array_equal(named["O"][:, columns], step)
            expected[:, columns] *= 1 - update.muon["lr"] * update.muon["decay"]
            expected[:, columns] -= step * rate
        np.testing.assert_array_equal(values[row.after].array, expected, err_msg=row.name)
    widths = [part.columns.stop - part.columns.start for part in moved[0].parts]
    assert widths == list(make_step("gpt").model.store.named[moved[0].name].columns)
    assert len(widths) == 3


def test_a_gradient_that_is_not_finite_makes_no_update(step):
    step.model.store.named["transformer.wte.weight"].value[0, 0] = np.nan
    update, _ = updated(step)
    assert not update.is_made
    assert np.isnan(update.norm)
    assert all(row.after is None for row in update.rows)


def test_frozen_parameters_have_no_gradient(make_step):
    step = make_step("gpt")
    step.model.store.freeze(["transformer.wte.weight"])
    update, _ = updated(step)
    [row] = [row for row in update.rows if row.grad is None]
    assert row.name == "transformer.wte.weight"


def test_the_tangent_touches_the_loss(each_step):
    recording = record(each_step)
    before = each_step.model.store.values.copy()
    for item in slices(recording, points=3):
        assert item.losses[1] == recording.loss
        store = each_step.model.store
        value = store.named[item.name].value
        original, h = value[item.index].copy(), 1e-2
        ends = []
        for sign in (1, -1):
            value[item.index] = original + sign * h
            with kernels.disabled():
                loss = each_step.objective.loss(
                    each_step.batch, dropout_seed=each_step.dropout_seed
                )[0]
            ends.append(float(loss))
        value[item.index] = original
        slope = (ends[0] - ends[1]) / (2 * h)
        assert slope == pytest.approx(item.slope, rel=0.05, abs=2e-3), item.name
    np.testing.assert_array_equal(each_step.model.store.values, before)
