import math
import warnings

import numpy as np
import pytest

from scratchgpt.models import load_pretrained
from scratchgpt.training import NextToken, NonFiniteError, find_checkpoint, read_metrics
from scratchgpt.training.diagnosis import MicroBatch, find_nonfinite


@pytest.fixture(autouse=True)
def no_warnings():
    """Turn warnings into errors: the one-line error must replace NumPy's warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def plant_at(trainer, step, name, value):
    """Set one element of a parameter to ``value`` after update number ``step``."""

    def plant(trainer, record):
        if trainer.step == step:
            trainer.model.store.named[name].value.flat[3] = value

    trainer.on("step", plant)


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_a_parameter_that_is_not_finite_is_named_and_the_checkpoint_kept(
    make_trainer, tmp_path, value
):
    trainer = make_trainer(out_dir=tmp_path)
    plant_at(trainer, 5, "transformer.h.1.mlp.c_fc.weight", value)
    with pytest.raises(NonFiniteError) as caught:
        trainer.train()
    error = caught.value
    assert error.step == 5
    assert error.lr == trainer.config.lr_at(5)
    assert error.grad_norm == read_metrics(tmp_path / "metrics.jsonl")[-1]["grad_norm"]
    message = str(error)
    assert "at step 5 (learning rate 0.00" in message
    where = "parameter transformer.h.1.mlp.c_fc.weight (1 of 256 values, first at (0, 3))"
    assert error.where == where
    assert where in message
    assert f"the last good checkpoint is {tmp_path / 'last'} (step 3)" in message
    assert "smaller lr" in message
    assert "\n" not in message
    assert np.isfinite(load_pretrained(find_checkpoint(tmp_path)).store.values).all()


def test_parameters_that_are_not_finite_are_never_saved(make_trainer, tmp_path):
    """Step 6 writes a checkpoint before any loss is computed with the bad parameters."""
    trainer = make_trainer(out_dir=tmp_path)
    plant_at(trainer, 6, "transformer.wte.weight", math.nan)
    with pytest.raises(NonFiniteError, match=r"parameter .*wte.weight .*\(step 3\)"):
        trainer.train()
    assert np.isfinite(load_pretrained(find_checkpoint(tmp_path)).store.values).all()


def test_a_huge_learning_rate_stops_with_the_activation_that_overflowed(make_trainer, make_model):
    trainer = make_trainer(model=make_model(), lr=1e30, grad_clip=0.0, eval_interval=0)
    with pytest.raises(
        NonFiniteError, match="first non-finite value: activation transformer"
    ) as caught:
        trainer.train()
    assert caught.value.step >= 1
    assert "no checkpoint was written" in str(caught.value)


def test_with_muon_both_learning_rates_are_named(make_trainer):
    trainer = make_trainer(optimizer="muon", muon_lr=1e30, grad_clip=0.0, eval_interval=0)
    with pytest.raises(NonFiniteError, match="smaller muon_lr or lr, or more warmup") as caught:
        trainer.train()
    error = caught.value
    assert error.muon_lr == pytest.approx(1e30 / trainer.config.lr * error.lr)
    assert f"(learning rates {error.muon_lr:.3g} of Muon, {error.lr:.3g} of AdamW" in str(error)


def test_an_evaluation_that_is_not_finite_stops_too(make_trainer):
    trainer = make_trainer()
    plant_at(trainer, 4, "transformer.h.0.ln_1.bias", math.inf)
    with pytest.raises(NonFiniteError, match=r"h\.0\.ln_1\.bias"):
        trainer.train()
    with pytest.raises(NonFiniteError, match=r"h\.0\.ln_1\.bias"):
        trainer.evaluate()


def test_nothing_is_updated_by_a_gradient_that_is_not_finite(make_trainer, make_model):
    trainer = make_trainer(model=make_model(), eval_interval=0)
    original = trainer.model.hidden_backward

    def overflow(dx, saved):
        original(dx, saved)
        trainer.model.store.named["transformer.h.0.attn.c_proj.bias"].grad[2] = math.inf

    trainer.model.hidden_backward = overflow
    before = trainer.model.store.values.copy()
    with pytest.raises(NonFiniteError, match="the gradient norm became inf at step 0") as caught:
        trainer.train()
    expected = "gradient of transformer.h.0.attn.c_proj.bias (1 of 8 values, first at (2,))"
    assert caught.value.where == expected
    assert caught.value.grad_norm == math.inf
    np.testing.assert_array_equal(trainer.model.store.values, before)
    assert trainer.stepper.optimizer.n_steps == 0


def grow(model, name):
    """Make the weights of one layer so large that its output overflows."""
    weight = model.store.named[name].value
    weight[...] = np.copysign(3e38, weight)


@pytest.mark.parametrize("norm_position", ["pre", "post"])
@pytest.mark.parametrize(
    ("grown", "first"),
    [
        ("transformer.h.1.attn.c_attn.weight", "transformer.stack.h.1.attn.branch.attention.q"),
        ("transformer.h.0.mlp.c_fc.weight", "transformer.stack.h.0.mlp.branch.act.x"),
    ],
)
def test_the_first_activation_in_forward_order_is_named(
    make_model, batches, norm_position, grown, first
):
    model = make_model(norm_position=norm_position)
    grow(model, grown)
    where = find_nonfinite(NextToken(model), [MicroBatch(batches.train_batch(0))])
    assert where.startswith(f"activation {first} (")


def test_with_recomputation_the_input_of_the_next_block_is_named(make_model, batches):
    model = make_model()
    grow(model, "transformer.h.0.mlp.c_fc.weight")
    where = find_nonfinite(NextToken(model, recompute=True), [MicroBatch(batches.train_batch(0))])
    assert where.startswith("activation transformer.stack.h.1.x (")


def test_every_micro_batch_is_searched(make_model):
    model = make_model(tied_head=False)
    model.store.named["transformer.wte.weight"].value[7] = 3e38
    good = MicroBatch((np.array([[1, 2]]), np.array([[2, 3]])))
    bad = MicroBatch((np.array([[1, 7]]), np.array([[2, 3]])))
    assert "activation" not in find_nonfinite(NextToken(model), [good])
    assert find_nonfinite(NextToken(model), [good, bad]).startswith(
        "activation transformer.stack.h.0.attn.norm.mean"
    )
