import numpy as np
import pytest

from scratchgpt.timeseries.likelihood import innovations
from scratchgpt.timeseries.likelihood.innovations import innovations_backward, innovations_forward
from scratchgpt.timeseries.likelihood.partial_autocorrelations import coefficients_forward


@pytest.mark.parametrize("missing", [False, True])
def test_all_methods_agree(missing, rng, monkeypatch, assert_close):
    u = rng.normal(size=40).cumsum()
    if missing:
        u[[3, 20]] = np.nan
    phi = coefficients_forward(rng.uniform(-1, 1, size=3))[0]
    theta = np.array([0.5, -0.3])
    found = []
    for largest_variance in (np.inf, 0.0):
        monkeypatch.setattr(innovations, "LARGEST_VARIANCE", largest_variance)
        sums, saved = innovations_forward(u, phi, theta, 1, 1, 4)
        gradients = innovations_backward(0.3, 0.7, saved)
        found.append((sums.squares, sums.logs - 2 * sums.constant, np.concatenate(gradients)))
    for a, b in zip(*found, strict=True):
        assert_close(np.atleast_1d(a), np.atleast_1d(b), 1e-9)
