"""Orientation histograms count the edges of known pictures."""

import numpy as np
import pytest

from scratchgpt.backend import random_stream
from scratchgpt.zero_shot.animals.features import orientation_histograms, picture_features

ROW, COLUMN = np.mgrid[0:24, 0:24]


@pytest.mark.parametrize(
    ("slope", "orientation"),
    [((0.0, 1.0), 0), ((1.0, 0.0), 4), ((1.0, 1.0), 2), ((1.0, -1.0), 6), ((-1.0, -1.0), 2)],
)
def test_a_ramp_has_one_orientation(slope, orientation):
    ramp = (slope[0] * ROW + slope[1] * COLUMN)[None] / 48
    inner = orientation_histograms(ramp)[0, 1:-1, 1:-1]  # without the edge of the picture
    assert np.argmax(inner[0, 0]) == orientation
    assert inner[..., orientation].sum() == pytest.approx(inner.sum())
    assert inner.sum() == pytest.approx(16 * 16 * 2 * np.hypot(*slope) / 48)


def test_all_strength_is_in_some_cell():
    pictures = random_stream(0, "features").random((3, 24, 24))
    padded = np.pad(pictures, ((0, 0), (1, 1), (1, 1)), mode="edge")
    gx = padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]
    gy = padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]
    cells = np.hypot(gx, gy).reshape(3, 6, 4, 6, 4).sum(axis=(2, 4))
    np.testing.assert_allclose(orientation_histograms(pictures).sum(axis=3), cells)


def test_features_of_a_picture_do_not_depend_on_the_others():
    pictures = random_stream(0, "features").random((4, 24, 24))
    features = picture_features(pictures)
    assert features.shape == (4, 144 + 288 + 8)
    np.testing.assert_array_equal(picture_features(pictures[2:3])[0], features[2])
