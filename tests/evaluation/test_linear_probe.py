import functools
import warnings

import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.evaluation.linear_probe import (
    fit_linear_probe,
    probe_loss_backward,
    probe_loss_forward,
)
from scratchgpt.verify import check_vjp

# coef_ and intercept_ of LogisticRegression(C=C, tol=1e-12) of scikit-learn 1.9.1 on `examples`.
SCIKIT_LEARN = {
    (2, 1.0): ([[2.5014265, -0.1291597, 0.2106508]], [0.0212638]),
    (2, 0.1): ([[0.6794714, -0.0876793, 0.0417095]], [0.0003518]),
    (3, 1.0): (
        [
            [-1.4725526, 0.9881679, -0.3290251],
            [-0.3649616, -0.0710169, 0.263266],
            [1.8375142, -0.9171511, 0.0657591],
        ],
        [-1.4855036, 1.3058975, 0.1796061],
    ),
    (3, 0.1): (
        [
            [-0.2517827, 0.4655873, -0.0643636],
            [-0.2038057, -0.0644526, 0.0837513],
            [0.4555884, -0.4011346, -0.0193877],
        ],
        [-0.7773341, 0.5963809, 0.1809531],
    ),
}


def examples(n_classes):
    """Features (30, 3) and labels (30,) that are the same everywhere."""
    i = np.arange(30)
    x = np.stack([np.sin(1.3 * i), np.cos(2.1 * i) * 3, (i * 7 % 11) / 5 - 1], axis=1)
    return x, (i * i + 3 * i + (x[:, 0] > 0)) % n_classes


@pytest.mark.parametrize(("n_classes", "c"), SCIKIT_LEARN)
def test_the_coefficients_are_those_of_scikit_learn(n_classes, c):
    coefficients, intercepts = map(np.array, SCIKIT_LEARN[n_classes, c])
    probe = fit_linear_probe(*examples(n_classes), C=c)
    assert probe.converged
    weight, bias = probe.weight.T, probe.bias  # (K, d), (K,)
    if n_classes == 2:
        np.testing.assert_allclose(weight[0], -weight[1])
        weight, bias = weight[1:] - weight[:1], bias[1:] - bias[:1]
    np.testing.assert_allclose(weight, coefficients, atol=1e-6)
    np.testing.assert_allclose(bias, intercepts, atol=1e-6)


@pytest.mark.parametrize("method", ["complex", "adjoint"])
def test_the_gradient_is_the_derivative_of_the_loss(method):
    rng = np.random.default_rng(0)
    inputs = {"x": rng.normal(size=(7, 3)), "weight": rng.normal(size=(3, 4))}
    inputs["bias"] = rng.normal(size=4)
    settings = {"targets": np.array([0, 3, 1, 1, 2, 0, 3]), "penalty": 0.3}
    report = check_vjp(
        probe_loss_forward, probe_loss_backward, inputs, settings=settings, method=method
    )
    report.raise_if_failed()


def test_labels_are_predicted_and_counted():
    x, y = examples(3)
    names = np.array(["cat", "ant", "bee"])[y]
    probe = fit_linear_probe(x, names.tolist())
    assert probe.classes == ["ant", "bee", "cat"]
    numbers = fit_linear_probe(x, y.tolist())
    assert numbers.classes == [0, 1, 2]
    assert [["cat", "ant", "bee"][i] for i in numbers.predict(x)] == probe.predict(x)
    n_right = sum(probe.predict(x) == names)
    assert probe.accuracy(x, names.tolist()) == n_right / 30 > 0.5


def test_a_class_that_can_be_separated_is_learned():
    x = np.array([[0.0], [1.0], [2.0], [3.0]])
    probe = fit_linear_probe(x, [0, 0, 1, 1], C=100)
    assert probe.accuracy(x, [0, 0, 1, 1]) == 1
    assert probe.bias[1] - probe.bias[0] == pytest.approx(
        -1.5 * float(probe.weight[0, 1] - probe.weight[0, 0]), rel=1e-6
    )


def test_standardized_features_can_have_any_scale():
    x, y = examples(3)
    stretched = np.column_stack([x * [1e-6, 1, 1e6] + [5, -3, 1], np.full(30, 7.0)])
    probe = fit_linear_probe(stretched, y, standardize=True)
    by_hand = fit_linear_probe((x - x.mean(axis=0)) / x.std(axis=0), y)
    np.testing.assert_allclose(probe.weight[:3], by_hand.weight, atol=1e-6)
    np.testing.assert_array_equal(probe.weight[3], 0)
    assert probe.predict(stretched) == by_hand.predict((x - x.mean(axis=0)) / x.std(axis=0))


def test_a_search_that_is_cut_short_is_told():
    with pytest.warns(UserWarning, match=r"the linear probe stopped after 1 iteration with a grad"):
        probe = fit_linear_probe(*examples(3), max_iterations=1)
    assert not probe.converged
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit_linear_probe(*examples(3))


X = np.eye(3)


@pytest.mark.parametrize(
    ("fit", "message"),
    [
        (functools.partial(fit_linear_probe, X, [0, 1]), r"shape \(3, 3\), but there are 2 labels"),
        (functools.partial(fit_linear_probe, X[0], [0, 1, 1]), r"the shape \(3,\)"),
        (functools.partial(fit_linear_probe, X, ["a"] * 3), "the 3 labels are of 1 class; add"),
        (functools.partial(fit_linear_probe, X * np.nan, [0, 1, 1]), "a feature is NaN"),
        (functools.partial(fit_linear_probe, X, [0, 1, 1], C=0), "C=0 must be a number above 0"),
        (functools.partial(fit_linear_probe, X, [0, 1, 1], max_iterations=0), "max_iterations=0"),
    ],
    ids=["labels", "axes", "one class", "NaN", "C", "iterations"],
)
def test_what_cannot_be_fitted_is_refused(fit, message):
    with pytest.raises(UserError, match=message):
        fit()


def test_other_features_than_those_of_the_training_are_refused():
    probe = fit_linear_probe(X, [0, 1, 1])
    with pytest.raises(UserError, match=r"have the shape \(2, 4\); give an array \(n, 3\)"):
        probe.predict(np.zeros((2, 4)))
