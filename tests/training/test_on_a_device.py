"""Training on a device, with arrays that behave as CuPy's: tests/device/strict_array.py."""

import math

import numpy as np
import pytest

from scratchgpt import kernels
from scratchgpt.errors import UserError
from scratchgpt.layers.device import move_parameters
from scratchgpt.training import NextToken, Objective, Trainer
from scratchgpt.training.config_checks import OPTIMIZERS
from scratchgpt.training.diagnosis import NonFiniteError
from scratchgpt.training.step import Stepper


@pytest.fixture(autouse=True)
def the_reference():
    with kernels.disabled():
        yield


@pytest.fixture
def on_device(make_model, strict):
    """``on_device(**changes)`` makes a model on the device."""

    def make(**changes):
        model = make_model(**changes)
        move_parameters(model, strict)
        return model

    return make


def stepper(model, batches, config):
    return Stepper(NextToken(model, label_smoothing=0.1), batches, config)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_ten_steps_are_the_same_bit_for_bit(
    make_model, on_device, make_config, batches, strict, dtype, optimizer
):
    here, there = make_model(dtype, dropout=0.2), on_device(dtype=dtype, dropout=0.2)
    config = make_config(optimizer=optimizer)
    steppers = [stepper(model, batches, config) for model in (here, there)]
    for step in range(10):
        expected, actual = (one.update(step) for one in steppers)
        for name in ("loss", "grad_norm"):
            found, wanted = (np.float64(getattr(update, name)) for update in (actual, expected))
            strict.assert_same(strict.on_device(found), wanted)
        assert type(actual.loss) is type(actual.grad_norm) is float
    strict.assert_same(there.store.values, here.store.values)
    for name, moment in steppers[0].optimizer.named_moments().items():
        other = steppers[1].optimizer.named_moments()[name]
        strict.assert_same(other, moment)
    assert steppers[1].evaluate() == steppers[0].evaluate()


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("grad_accum", [1, 3])
def test_a_step_copies_its_batches_in_and_two_numbers_out(
    on_device, make_config, batches, strict, grad_accum, optimizer
):
    config = make_config(grad_accum=grad_accum, optimizer=optimizer)
    one = stepper(on_device(dropout=0.2), batches, config)
    with strict.counting() as traffic:
        one.update(0)
    assert traffic == strict.Traffic(to_device=2 * grad_accum, to_host=1)  # tokens and targets


def test_an_evaluation_reads_one_number(on_device, make_config, make_batches, strict):
    one = stepper(on_device(), make_batches(n_validation=4), make_config())
    with strict.counting() as traffic:
        one.evaluate()
    assert traffic == strict.Traffic(to_device=2 * 4, reads=1)


def test_checkpoints_go_through_the_host_and_fit_both(make_trainer, on_device, strict, tmp_path):
    settings = {"schedule": "constant", "out_dir": tmp_path / "a"}
    make_trainer(model=on_device(dropout=0.2), steps=6, **settings).train()
    mixed = make_trainer(resume=True, steps=8, **settings)  # on the host
    assert mixed.step == 6
    mixed.train()
    back = on_device(dropout=0.2)
    make_trainer(model=back, resume=True, steps=10, **settings).train()
    assert isinstance(back.store.values, strict.StrictArray)
    expected = make_trainer(**{**settings, "out_dir": tmp_path / "b"}, steps=10)
    expected.train()
    for name in ("model.safetensors", "training_state.safetensors"):
        files = [(tmp_path / run / "last" / name).read_bytes() for run in ("a", "b")]
        assert files[0] == files[1], name


def test_checkpoints_are_averaged(make_trainer, on_device, tmp_path):
    for model, folder in ((None, "a"), (on_device(dropout=0.2), "b")):
        settings = {} if model is None else {"model": model}
        make_trainer(**settings, out_dir=tmp_path / folder, average=3).train()
    files = [(tmp_path / run / "average" / "model.safetensors").read_bytes() for run in "ab"]
    assert files[0] == files[1]


def test_a_nan_is_found_and_changes_nothing(on_device, make_trainer, strict):
    model = on_device()
    model.transformer.h[1].mlp.c_fc.weight.value[0, 3] = np.nan
    before = strict.unwrap(model.store.values).copy()
    with pytest.raises(NonFiniteError, match=r"the loss became nan.*parameter transformer\.h\.1"):
        make_trainer(model=model, eval_interval=0).train()
    strict.assert_same(model.store.values, before)


def test_an_activation_that_overflows_is_named(on_device, make_trainer):
    model = on_device()
    model.transformer.ln_f.weight.value[...] = 3e38
    model.transformer.wte.weight.value[...] *= 100
    with pytest.raises(NonFiniteError, match="first non-finite value: activation lm_head"):
        make_trainer(model=model, eval_interval=0).train()


class Lower(Objective):
    """An objective for the CPU."""

    def __init__(self, model):
        self.model = model

    def weight(self, batch):
        return 1.0

    def loss(self, batch, *, dropout_seed=None):
        raise AssertionError

    def loss_backward(self, dloss, saved):
        raise AssertionError


def test_an_objective_for_the_cpu_is_refused(on_device, batches, make_config):
    with pytest.raises(UserError, match="Lower trains on the CPU only"):
        Trainer(Lower(on_device()), batches, make_config())


def test_workers_are_refused(on_device, batches, make_config):
    class Two:
        rank, size = 0, 2

    with pytest.raises(UserError, match="several workers train on the CPU only"):
        Stepper(NextToken(on_device()), batches, make_config(), Two())


def test_the_norm_stays_on_the_device(strict):
    from scratchgpt.optim import global_norm

    x = np.random.default_rng(0).standard_normal(1000)
    with strict.counting() as traffic:
        norm = global_norm(strict.asarray(x))
    assert traffic.syncs == 0
    assert float(norm) == global_norm(x)
    assert math.isnan(float(global_norm(strict.asarray(np.array([1.0, np.nan])))))


def test_tf32_is_for_gpus(make_model, on_device, make_config, batches):
    config = make_config(precision="tf32")
    stepper(on_device(), batches, config).update(0)
    with pytest.raises(UserError, match="precision='tf32' is for GPUs"):
        stepper(make_model(), batches, config)
