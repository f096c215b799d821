import numpy as np
import pytest

from scratchgpt.timeseries.fitting.optimizer import BOUND, minimize

NOT = np.zeros(2, dtype=bool)


def quadratic(z):
    gap = z - [1.0, -2.0]
    return float(gap @ gap), 2 * gap


def rosenbrock(z):
    a, b = z[1] - z[0] ** 2, 1 - z[0]
    return float(100 * a * a + b * b), np.array([-400 * a * z[0] - 2 * b, 200 * a])


@pytest.mark.parametrize(("function", "best"), [(quadratic, [1, -2]), (rosenbrock, [1, 1])])
def test_the_search_finds_the_minimum_and_reports_convergence(function, best):
    found = minimize(function, np.array([-1.2, 1.0]), NOT, 500)
    assert found.converged
    np.testing.assert_allclose(found.z, best, atol=1e-5)
    assert found.value == function(found.z)[0]
    assert 0 < found.n_iterations <= found.n_evaluations


def test_too_few_iterations_are_not_called_convergence():
    found = minimize(rosenbrock, np.array([-1.2, 1.0]), NOT, 3)
    assert not found.converged
    assert "stopped after 3 iterations; raise max_iterations to allow more" in found.message
    assert found.n_iterations == 3


def test_a_search_for_a_minimum_at_infinity_stops_at_the_bound():
    def falling(z):
        return float(-np.tanh(z[0]) + z[1] ** 2), np.array([-1 / np.cosh(z[0]) ** 2, 2 * z[1]])

    found = minimize(falling, np.array([0.5, 1.0]), np.array([True, False]), 500)
    assert found.converged
    assert found.z[0] > 5
    assert found.z[0] <= BOUND
    started_outside = minimize(falling, np.array([50.0, 1.0]), np.array([True, False]), 500)
    assert started_outside.z[0] == BOUND


def test_the_search_continues_after_a_point_without_a_value():
    """After a point with the penalty value, the search steps back and continues."""

    def walled(z):
        if z[0] > 1.5:
            return 99.0, np.zeros(2)  # higher than all on this side
        return quadratic(z)

    found = minimize(walled, np.array([-5.0, 5.0]), NOT, 500)
    assert found.converged
    np.testing.assert_allclose(found.z, [1, -2], atol=1e-5)


def test_stopping_at_the_edge_of_the_domain_is_not_called_convergence():
    def walled(z):
        if z[0] > 0.5:
            return 99.0, np.zeros(2)  # higher than all on this side
        return quadratic(z)

    assert not minimize(walled, np.array([-5.0, 5.0]), NOT, 500).converged


def test_a_search_without_parameters_returns_immediately():
    found = minimize(lambda z: (3.0, np.zeros(0)), np.zeros(0), np.zeros(0, dtype=bool), 500)
    assert found.converged
    assert (found.value, found.n_iterations, found.n_evaluations) == (3.0, 0, 1)


def test_a_start_without_a_value_is_not_called_convergence():
    assert not minimize(lambda z: (np.inf, np.zeros(2)), np.zeros(2), NOT, 500).converged
