"""Pictures of animals are reproducible, and show what they should."""

import numpy as np
import pytest

from scratchgpt.zero_shot.animals.bodies import BODIES
from scratchgpt.zero_shot.animals.coats import COATS
from scratchgpt.zero_shot.animals.pictures import BACKGROUND, draw_animals


@pytest.mark.parametrize("body", BODIES)
def test_pictures_depend_on_the_arguments_alone(body):
    first, second = (draw_animals(body, "spots", 3, seed=1) for _ in range(2))
    assert first.shape == (3, 24, 24)
    assert first.dtype == np.float32
    assert (first == second).all()
    assert first.min() >= 0
    assert first.max() <= 1
    others = [
        draw_animals(body, "spots", 3, seed=2),
        draw_animals(body, "spots", 3, seed=1, part="test"),
        draw_animals(body, "dark", 3, seed=1),
    ]
    assert all((other != first).any() for other in others)


def test_each_coat_has_its_share_of_dark_and_bright_pixels():
    def shares(coat):
        pictures = draw_animals("cow", coat, 40)
        return (pictures < 0.25).mean(), (pictures > 0.75).mean()

    dark, bright = {}, {}
    for coat in COATS:
        dark[coat], bright[coat] = shares(coat)
    assert dark["dark"] > 0.15 > 5 * bright["dark"]
    assert bright["light"] > 0.15 > 3 * dark["light"]
    for coat in ("stripes", "patches"):
        assert min(dark[coat], bright[coat]) > 0.06
    assert bright["spots"] > dark["spots"] > dark["light"]


def test_animals_face_both_ways_and_have_several_sizes():
    pictures = draw_animals("horse", "dark", 200)
    is_dark = pictures < BACKGROUND - 0.25
    heads = is_dark[:, :8]  # the head is above the body
    left = heads[:, :, :12].sum(axis=(1, 2)) > heads[:, :, 12:].sum(axis=(1, 2))
    assert 0.3 < left.mean() < 0.7
    sizes = is_dark.sum(axis=(1, 2))
    assert sizes.max() > 1.4 * sizes.min()


@pytest.mark.parametrize("n", [0, 1.5])
def test_the_number_of_pictures_is_checked(n):
    with pytest.raises(ValueError, match="n="):
        draw_animals("cat", "dark", n)
