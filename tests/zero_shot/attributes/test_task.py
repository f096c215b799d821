"""Features are standardized by the training examples."""

import numpy as np

from scratchgpt.backend import random_stream
from scratchgpt.zero_shot.attributes.task import standardized


def test_the_training_features_get_mean_zero_and_rows_of_length_one():
    x = random_stream(0, "standardize").standard_normal((50, 4)) * [1, 5, 0, 100] + 3
    ours, other = standardized(x, x[:2] + 1)
    np.testing.assert_allclose(ours.mean(axis=0), 0, atol=1e-14)
    assert (ours[:, 2] == 0).all()
    np.testing.assert_allclose((ours**2).sum(axis=1).mean(), 1)
    np.testing.assert_allclose(other - ours[:2], np.broadcast_to((other - ours[:2])[0], (2, 4)))
