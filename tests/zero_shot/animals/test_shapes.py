"""Shapes cover the area that geometry says."""

import numpy as np
import pytest

from scratchgpt.zero_shot.animals.shapes import Frame, ellipse, limb, polygon

PIXEL = 0.02
ROW, COLUMN = np.mgrid[-1.0:1.0:PIXEL, -1.0:1.0:PIXEL]
FRAME = Frame(COLUMN[None], ROW[None], np.array([[[PIXEL]]]))


@pytest.mark.parametrize(
    ("covered", "area"),
    [
        (ellipse(FRAME, (0.1, -0.2), (0.5, 0.3)), np.pi * 0.5 * 0.3),
        (limb(FRAME, [(-0.5, 0.1), (0.3, 0.1)], 0.2), 0.8 * 0.4 + np.pi * 0.2**2),
        (polygon(FRAME, [(-0.5, -0.5), (0.5, -0.5), (0.0, 0.5)]), 0.5),
    ],
    ids=["ellipse", "limb", "polygon"],
)
def test_the_area_is_right(covered, area):
    assert covered.sum() * PIXEL**2 == pytest.approx(area, rel=0.01)
    assert covered.min() == 0
    assert covered.max() == 1


def test_a_bent_limb_covers_both_of_its_parts():
    bent = limb(FRAME, [(-0.5, 0.0), (0.0, 0.0), (0.0, 0.5)], 0.1)
    parts = [limb(FRAME, points, 0.1) for points in ([(-0.5, 0), (0, 0)], [(0, 0), (0, 0.5)])]
    assert (bent == np.maximum(*parts)).all()
