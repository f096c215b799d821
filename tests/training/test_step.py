import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.text import PairBatches, TokenBatches
from scratchgpt.text.tasks.task import TaskBatches
from scratchgpt.training import LimitedBatches, NextToken
from scratchgpt.training.step import Stepper


def new_stepper(model, batches, config):
    return Stepper(NextToken.from_config(model, config), batches, config)


class BigBatch:
    """Several micro-batches of another source as one."""

    def __init__(self, batches, n):
        self.batches, self.n = batches, n

    def train_batch(self, index):
        parts = [self.batches.train_batch(self.n * index + i) for i in range(self.n)]
        return tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))

    def validation_batches(self):
        return iter(())


def test_accumulated_gradients_equal_those_of_the_big_batch(make_model, make_config, batches):
    counts = {int((batches.train_batch(i)[1] != -100).sum()) for i in range(3)}
    assert len(counts) > 1  # a plain mean over micro-batches would be wrong
    small = new_stepper(make_model(np.float64), batches, make_config(grad_accum=3))
    big = new_stepper(make_model(np.float64), BigBatch(batches, 3), make_config(grad_accum=1))
    for step in range(2):
        few, one = small.update(step), big.update(step)
        assert few.loss == pytest.approx(one.loss, rel=1e-13)
        assert few.grad_norm == pytest.approx(one.grad_norm, rel=1e-12)
        scale = abs(big.model.store.grads).max()
        np.testing.assert_allclose(
            small.model.store.grads, big.model.store.grads, rtol=1e-9, atol=1e-13 * scale
        )


def test_a_batch_of_weight_zero_only_decays_weights(make_model, make_config):
    class Nothing:
        def train_batch(self, index):
            return np.zeros((2, 3), np.int64), np.full((2, 3), -100)

        def validation_batches(self):
            return iter([self.train_batch(0)])

    stepper = new_stepper(make_model(), Nothing(), make_config(weight_decay=0.0))
    before = stepper.model.store.values.copy()
    assert stepper.update(0).loss == 0
    np.testing.assert_array_equal(stepper.model.store.values, before)
    with pytest.raises(UserError, match="no validation batches"):
        stepper.evaluate()


def test_after_the_first_step_nothing_is_allocated_from_outside_the_arena(
    make_model, make_config, batches
):
    stepper = new_stepper(make_model(dropout=0.2), batches, make_config())
    stepper.update(0)
    capacity = stepper.arena.capacity
    assert capacity > 0
    for step in range(1, 4):
        stepper.update(step)
        stepper.evaluate()
    assert stepper.arena.capacity == stepper.arena.peak == capacity


@pytest.mark.parametrize("recompute", [False, True])
def test_nothing_that_a_step_keeps_lives_in_the_arena(make_model, make_config, batches, recompute):
    clean = new_stepper(make_model(dropout=0.2), batches, make_config(recompute=recompute))
    poisoned = new_stepper(make_model(dropout=0.2), batches, make_config(recompute=recompute))
    poisoned.arena.poison = True
    for step in range(3):
        assert clean.update(step)[:3] == poisoned.update(step)[:3]
    np.testing.assert_array_equal(clean.model.store.values, poisoned.model.store.values)
    assert clean.evaluate() == poisoned.evaluate()


def test_recomputation_changes_nothing_but_memory(make_model, make_config, batches):
    steppers = [
        new_stepper(make_model(dropout=0.2), batches, make_config(recompute=recompute))
        for recompute in (False, True)
    ]
    for step in range(3):
        for stepper in steppers:
            stepper.update(step)
    plain, recomputed = steppers
    np.testing.assert_array_equal(plain.model.store.values, recomputed.model.store.values)
    assert recomputed.arena.capacity < plain.arena.capacity


def test_dropout_differs_from_one_micro_batch_to_the_next(make_model, make_config, batches):
    stepper = new_stepper(make_model(dropout=0.5), batches, make_config(grad_accum=3))
    seeds = []
    original = stepper.model.hidden

    def hidden(*arrays, dropout_seed, **settings):
        seeds.append(dropout_seed)
        return original(*arrays, dropout_seed=dropout_seed, **settings)

    stepper.model.hidden = hidden
    for step in range(2):
        stepper.update(step)
    assert None not in seeds
    assert len(set(seeds)) == 6
    stepper.evaluate()
    assert set(seeds[6:]) == {None}


def test_grad_clip_zero_disables_clipping(make_model, make_config, batches):
    clipped = new_stepper(make_model(), batches, make_config(grad_clip=1e-3))
    free = new_stepper(make_model(), batches, make_config(grad_clip=0.0))
    for stepper in (clipped, free):
        stepper.update(0)
    big, small = abs(free.optimizer.exp_avg).max(), abs(clipped.optimizer.exp_avg).max()
    assert big > 100 * small


def test_evaluation_is_the_mean_over_counted_tokens_without_dropout(
    make_model, make_config, batches
):
    stepper = new_stepper(make_model(np.float64, dropout=0.5), batches, make_config())
    tokens, targets = (
        np.concatenate(arrays) for arrays in zip(*batches.validation_batches(), strict=True)
    )
    expected, _ = stepper.model.loss(tokens, targets)
    assert stepper.evaluate()["val_loss"] == pytest.approx(float(expected), rel=1e-13)


def test_eval_batches_limits_an_evaluation(make_model, make_config, make_batches):
    model = make_model(np.float64)
    limited = new_stepper(model, make_batches(n_validation=5), make_config(eval_batches=2))
    assert limited.evaluate() == new_stepper(model, make_batches(), make_config()).evaluate()


def test_a_source_may_choose_the_batches_of_a_limited_evaluation(
    make_model, make_config, make_batches
):
    """Data sources whose batches are ordered do not let the first ones represent all."""

    class Ordered(make_batches):
        def some_validation_batches(self, n):
            return reversed([*self.validation_batches()][-n:])

    model, some = make_model(np.float64), make_config(eval_batches=2)
    limited = new_stepper(model, Ordered(n_validation=5), some).evaluate()["val_loss"]
    first = new_stepper(model, make_batches(n_validation=5), some).evaluate()["val_loss"]
    assert limited != first
    for source in (PairBatches, TokenBatches, TaskBatches):
        assert issubclass(source, LimitedBatches)


def test_evaluation_is_repeatable_and_leaves_training_unchanged(make_model, make_config, batches):
    quiet, watched = (
        new_stepper(make_model(dropout=0.2), batches, make_config()) for _ in range(2)
    )
    for step in range(4):
        quiet.update(step)
        assert watched.evaluate() == watched.evaluate()
        watched.update(step)
    np.testing.assert_array_equal(quiet.model.store.values, watched.model.store.values)


def test_labels_are_smoothed_in_training_and_not_in_evaluation(make_model, make_config, batches):
    smooth = new_stepper(
        make_model(np.float64), batches, make_config(label_smoothing=0.1, grad_accum=1)
    )
    plain = new_stepper(make_model(np.float64), batches, make_config(grad_accum=1))
    assert smooth.evaluate() == plain.evaluate()
    tokens, targets = batches.train_batch(0)
    expected, saved = plain.model.loss(tokens, targets, label_smoothing=0.1)
    plain.model.store.zero_grad()
    plain.model.loss_backward(1.0, saved)
    assert smooth.update(0).loss == pytest.approx(float(expected), rel=1e-13)
    np.testing.assert_allclose(
        smooth.model.store.grads, plain.model.store.grads, rtol=1e-9, atol=1e-15
    )
