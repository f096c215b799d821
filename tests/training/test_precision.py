"""Training with products in bfloat16."""

import numpy as np
import pytest

from scratchgpt.errors import UserError


def losses(make_trainer, **settings):
    trainer = make_trainer(**settings)
    recorded = []
    trainer.on("step", lambda _, record: recorded.append(record.loss))
    trainer.train()
    return np.array(recorded), trainer


def test_losses_are_near_those_of_float32_and_parameters_stay_in_it(make_trainer):
    single, _ = losses(make_trainer)
    half, trainer = losses(make_trainer, precision="bf16")
    assert not np.array_equal(single, half)
    np.testing.assert_allclose(half, single, rtol=0.01)
    assert trainer.model.store.values.dtype == np.float32
    bits = trainer.model.store.values.view(np.uint32)
    assert (bits & 0xFFFF).any(), "the weights themselves are not rounded"


def test_evaluation_takes_the_same_products(make_trainer):
    trainer = make_trainer(precision="bf16")
    rounded, single = (
        t.evaluate()["val_loss"] for t in (trainer, make_trainer(model=trainer.model))
    )
    assert rounded != single
    assert rounded == pytest.approx(single, rel=1e-3)


def test_a_resumed_run_equals_an_unbroken_one_bit_for_bit(make_trainer, stop_after, tmp_path):
    _, whole = losses(make_trainer, precision="bf16")
    broken = make_trainer(precision="bf16", out_dir=tmp_path)
    stop_after(broken, 4)
    broken.train()
    resumed = make_trainer(precision="bf16", out_dir=tmp_path, resume=True)
    resumed.train()
    np.testing.assert_array_equal(whole.model.store.values, resumed.model.store.values)


def test_a_run_may_resume_in_another_precision(make_trainer, tmp_path):
    make_trainer(out_dir=tmp_path, steps=4).train()
    assert make_trainer(out_dir=tmp_path, steps=6, resume=True, precision="bf16").train().step == 6


def test_it_is_for_float32(make_trainer, make_model):
    with pytest.raises(UserError, match="precision='bf16' needs a model in float32; this model is"):
        make_trainer(model=make_model(np.float64), precision="bf16")
