"""What all methods share: checks, the choice of constants, and the independence of the test."""

import numpy as np
import pytest

from scratchgpt.zero_shot import DAP, ESZSL, IAP

METHODS = [DAP, IAP, ESZSL]
each = pytest.mark.parametrize("method", METHODS, ids=lambda method: method.__name__)


@each
def test_constants_and_stacking_are_chosen_and_reproducible(task, method):
    seen = task.s[task.is_seen]
    models = [method(seed=1).fit(task.x, task.y, seen) for _ in range(2)]
    assert models[0].constants == models[1].constants
    assert models[0].constants in method().grid()
    assert models[0].stacking == models[1].stacking
    first, second = (model.scores(task.x_test, task.s) for model in models)
    assert (first == second).all()


@each
def test_the_order_of_classes_does_not_change_scores(task, method):
    constants = method().grid()[0]
    model = method(**constants).fit(task.x, task.y, task.s[task.is_seen])
    scores = model.scores(task.x_test, task.s)
    np.testing.assert_allclose(model.scores(task.x_test, task.s[::-1])[:, ::-1], scores, rtol=1e-12)
    assert model.stacking is None


@each
def test_a_model_that_is_not_fitted_says_so(task, method):
    with pytest.raises(ValueError, match=f"this {method.__name__} is not fitted; call fit first"):
        method().predict(task.x, task.s)


@each
def test_other_columns_are_refused(task, method):
    model = method(**method().grid()[0]).fit(task.x, task.y, task.s[task.is_seen])
    with pytest.raises(ValueError, match="X has 9 features, but the model was fitted with 10"):
        model.predict(task.x[:, 1:], task.s)
    with pytest.raises(ValueError, match="S has 5 attributes, but the model was fitted with 6"):
        model.predict(task.x, task.s[:, 1:])


@each
def test_an_attribute_of_held_out_classes_alone_is_left_out_of_that_fold(task, method):
    s = np.column_stack([task.s[task.is_seen], np.arange(8) == 3])
    held_out = [np.array([3, 4]), np.array([0, 1])]
    model = method().fit(task.x, task.y, s, held_out=held_out)
    assert np.isfinite(model.stacking)


def test_seeds_and_constants_are_checked():
    with pytest.raises(ValueError, match="seed=-1 must be a whole number, 0 or more"):
        DAP(seed=-1)
    with pytest.raises(ValueError, match="penalty='a' must be a number"):
        IAP(penalty="a")
