"""Pictures for people."""

import sys

import numpy as np
import pytest

from scratchgpt.zero_shot.animals.sheet import beside, draw_sheet, picture_lines


def test_two_rows_of_pixels_are_one_line_of_characters():
    picture = np.full((4, 3), 0.5)
    picture[:2, 0], picture[2:, 1], picture[2, 2] = 0.0, 1.0, 0.9
    assert picture_lines(picture) == ["#  ", " o."]


def test_pictures_are_beside_each_other_below_their_titles():
    picture = np.zeros((4, 6))
    assert beside([picture, picture], ["a", "b"]) == [
        "a       b",
        "######  ######",
        "######  ######",
    ]


def test_the_sheet_shows_all_kinds_and_names_the_zebra():
    figure = draw_sheet()
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert len(titles) == 60
    assert "zebra" in titles
    assert "horse, dark" in titles


def test_matplotlib_is_optional(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ValueError, match=r"pictures need matplotlib; install it with pip"):
        draw_sheet()
