import numpy as np

from scratchgpt.timeseries.fitting.covariance import parameter_covariance


def test_the_covariance_of_a_quadratic_is_the_inverse_of_its_matrix(rng):
    a = rng.normal(size=(4, 4))
    information = a @ a.T + np.eye(4)
    found = parameter_covariance(lambda x: -information @ x, rng.normal(size=4), np.full(4, 1e-3))
    np.testing.assert_allclose(found, np.linalg.inv(information), rtol=1e-9)


def test_the_covariance_for_a_normal_sample_equals_the_textbook(rng):
    """The variances of mean and variance are sigma² / n and 2 sigma⁴ / n; their covariance is 0."""
    x = 5 + 1e3 * rng.normal(size=50)

    def score(params):
        gap = x - params[0]
        return np.array([gap.sum() / params[1], (gap @ gap / params[1] - len(x)) / (2 * params[1])])

    best = np.array([x.mean(), x.var()])
    found = parameter_covariance(score, best, 1e-5 * best)
    expected = np.diag([x.var() / 50, 2 * x.var() ** 2 / 50])
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6 * x.var() ** 1.5 / 50)


def test_parameters_of_very_different_sizes_do_not_disturb_each_other():
    information = np.diag([1e-18, 1.0, 1e18])
    found = parameter_covariance(lambda x: -information @ x, np.ones(3), np.full(3, 1e-4))
    np.testing.assert_allclose(np.diag(found), [1e18, 1.0, 1e-18], rtol=1e-9)


def test_there_is_no_covariance_away_from_a_maximum():
    for saddle in (np.diag([1.0, -1.0]), np.diag([1.0, 0.0]), np.full((2, 2), np.nan)):
        found = parameter_covariance(lambda x, a=saddle: -a @ x, np.ones(2), np.full(2, 1e-4))
        assert np.isnan(found).all()
