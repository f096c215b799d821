import numpy as np
import pytest

from scratchgpt.layers import Embedding, Head, Layer, Linear, Parameter
from scratchgpt.layers.parameters import normal
from scratchgpt.verify import check_layer, check_model


class Twice(Layer):
    """A layer that uses one linear map twice; with ``forget``, backward omits one use."""

    def __init__(self, forget=False):
        self.map = Linear(3, 3, std=0.7)
        self.forget = forget
        self.initialize(seed=1, dtype=np.float64)

    def forward(self, x):
        y, first = self.map.forward(x)
        y, second = self.map.forward(y)
        return y, (first, second)

    def backward(self, dy, saved):
        first, second = saved
        dy = self.map.backward(dy, second)
        if self.forget:
            self.map.weight.grad[...] = 0
        return self.map.backward(dy, first)


X = np.random.default_rng(0).standard_normal((4, 3))


@pytest.mark.parametrize("method", ["complex", "central", "adjoint"])
def test_each_parameter_is_named(method):
    report = check_layer(Twice(), X, method=method)
    report.raise_if_failed()
    assert [row.name for row in report.inputs] == ["x", "map.weight", "map.bias"]
    assert report.title == "Twice"


@pytest.mark.parametrize("method", ["complex", "central", "adjoint"])
def test_the_parameter_whose_gradient_is_wrong_is_the_one_that_fails(method):
    report = check_layer(Twice(forget=True), X, method=method)
    assert [row.name for row in report.inputs if not row.passed] == ["map.weight"]


def test_the_layer_is_restored():
    layer = Twice()
    layer.store.grads[...] = 3
    values, parameter = layer.store.values.copy(), layer.map.weight.value
    check_layer(layer, X)
    np.testing.assert_array_equal(layer.store.values, values)
    assert (layer.store.grads == 3).all()
    assert layer.map.weight.value is parameter


def test_the_layer_is_restored_after_an_error():
    layer = Twice()
    parameter = layer.map.weight.value
    with pytest.raises(ValueError, match="features"):
        check_layer(layer, X[:, :2])
    assert layer.map.weight.value is parameter


def test_a_layer_of_token_ids_has_no_row_for_them():
    report = check_layer(Embedding(5, 3).initialize(), np.array([[0, 4, 4]]))
    report.raise_if_failed()
    assert [row.name for row in report.inputs] == ["weight"]


def test_a_parameter_used_in_two_places_counts_once():
    class Tied(Layer):
        def __init__(self):
            table = Parameter((5, 3), normal(1.0))
            self.inner, self.outer = Head(table), Head(table)
            self.initialize(dtype=np.float64)

        def forward(self, x):
            y, inner = self.inner.forward(x)
            z, outer = self.outer.forward(2 * x)
            return y * z, (inner, outer, y, z)

        def backward(self, dy, saved):
            inner, outer, y, z = saved
            dx = self.inner.backward(dy * z, inner)
            return dx + 2 * self.outer.backward(dy * y, outer)

    report = check_layer(Tied(), X)
    report.raise_if_failed()
    assert [row.name for row in report.inputs] == ["x", "inner.weight"]


class Regression(Twice):
    """A model with a loss: half the squared distance to a table of targets."""

    def loss(self, tokens, targets, power=1.0):
        x = X[tokens].astype(self.map.weight.value.dtype)
        y, saved = self.forward(x)
        gap = y - targets[:, None]
        return power * 0.5 * (gap * gap).sum(), (saved, gap, power)

    def loss_backward(self, dloss, saved):
        inner, gap, power = saved
        self.backward(dloss * power * gap, inner)


@pytest.mark.parametrize("method", ["complex", "central", "adjoint"])
def test_a_model_is_checked_by_its_loss(method):
    tokens, targets = np.array([0, 3, 1]), np.array([1, 0, 2])
    report = check_model(Regression(), tokens, targets, settings={"power": 1.5}, method=method)
    report.raise_if_failed()
    assert [row.name for row in report.inputs] == ["map.weight", "map.bias"]
    assert not check_model(Regression(forget=True), tokens, targets, method=method).passed


class Objective:
    """A training objective without ``scratchgpt.training``: it has an attribute ``model``."""

    def __init__(self, model):
        self.model = model

    def named_parameters(self):
        return self.model.named_parameters()

    def loss(self, batch, *, power=1.0):
        return self.model.loss(*batch, power=power)

    def loss_backward(self, dloss, saved):
        inner, gap, power = saved
        self.model.loss_backward(dloss, (inner, gap.copy(), power))
        gap[...] = 7  # an objective may overwrite its saved


BATCH = (np.array([0, 3, 1]), np.array([1, 0, 2]))


@pytest.mark.parametrize("method", ["complex", "central", "adjoint"])
def test_an_objective_is_checked_with_one_batch_and_may_overwrite_what_it_saved(method):
    report = check_model(Objective(Regression()), BATCH, settings={"power": 1.5}, method=method)
    report.raise_if_failed()
    assert [row.name for row in report.inputs] == ["map.weight", "map.bias"]
    assert report.title == "Objective"
    assert not check_model(Objective(Regression(forget=True)), BATCH, method=method).passed


def test_a_model_may_not_overwrite_what_it_saved():
    class Overwriting(Regression):
        def loss_backward(self, dloss, saved):
            super().loss_backward(dloss, saved)
            saved[1][...] = 7

    report = check_model(Overwriting(), *BATCH)
    assert any("backward overwrites saved" in violation for violation in report.violations)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("method", ["complex", "adjoint"])
def test_frozen_parameters_are_constants(method, dtype):
    model = Regression()
    model.initialize(1, dtype)
    model.store.freeze({"map.weight"})
    frozen = model.map.weight.value
    report = check_model(model, *BATCH, method=method)
    report.raise_if_failed()
    assert [row.name for row in report.inputs] == ["map.bias"]
    assert model.map.weight.value is frozen
    assert model.map.weight.is_frozen
    model.store.freeze({"map.bias"})
    report = check_layer(model, X.astype(dtype), method=method)
    report.raise_if_failed()
    assert [row.name for row in report.inputs] == ["x", "map.weight"]


def overwriting(cls, how):
    """A subclass whose backward does not add to the gradient of the weight."""

    class Overwriting(cls):
        def backward(self, dy, saved):
            before = self.map.weight.grad.copy()
            result = super().backward(dy, saved)
            gradient = self.map.weight.grad - before
            if how == "in place":
                self.map.weight.grad[...] = gradient
            elif how == "one row":
                self.map.weight.grad[1] = gradient[1]
            else:
                self.map.weight.grad = gradient
            return result

    return Overwriting()


@pytest.mark.parametrize("how", ["in place", "one row", "another array"])
@pytest.mark.parametrize("method", ["complex", "central", "adjoint"])
def test_a_backward_that_overwrites_its_gradient(method, how):
    message = "backward overwrites the gradient of 'map.weight'; add to it with +="
    layer = overwriting(Twice, how)
    layer.store.grads[...] = 3
    report = check_layer(layer, X, method=method)
    assert report.violations == (message,)
    assert all(row.passed for row in report.inputs)
    assert (layer.store.grads == 3).all()
    assert check_model(overwriting(Regression, how), *BATCH, method=method).violations == (message,)
    objective = Objective(overwriting(Regression, how))
    assert check_model(objective, BATCH, method=method).violations == (message,)


def test_a_layer_whose_input_has_the_name_of_a_parameter():
    class Scaled(Layer):
        def __init__(self):
            self.x = Parameter((3,), normal(1.0))
            self.initialize(dtype=np.float64)

        def forward(self, x):
            return self.x.value * x, x

        def backward(self, dy, x):
            self.x.grad += (dy * x).sum(axis=0)
            return dy * self.x.value

    report = check_layer(Scaled(), X)
    report.raise_if_failed()
    assert [row.name for row in report.inputs] == ["x", "parameter x"]


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (lambda dx: {"x": dx}, "returned a dict; return a tuple of gradients"),
        (lambda dx: (dx, dx), "returned 2 gradients for 1 input"),
    ],
)
def test_what_the_backward_of_a_layer_returns_is_checked(result, message):
    class Strange(Twice):
        def backward(self, dy, saved):
            return result(super().backward(dy, saved))

    with pytest.raises(TypeError, match=message):
        check_layer(Strange(), X)


def test_a_layer_without_a_gradient_of_its_input():
    class Silent(Twice):
        def backward(self, dy, saved):
            super().backward(dy, saved)

    (violation,) = check_layer(Silent(), X).violations
    assert violation.startswith("backward returns None for the floating input 'x'")
