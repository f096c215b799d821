import builtins

import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.generation import draw_alignment

WEIGHTS = np.array([[0.9, 0.1, 0.0], [0.2, 0.3, 0.5]])
WORDS = (["two", "dogs"], ["zwei", "Hunde", "."])


def test_the_words_stand_on_both_axes(tmp_path, monkeypatch):
    figure = pytest.importorskip("matplotlib.figure")
    seen = []
    original = figure.Figure.savefig

    def savefig(self, *arguments, **options):
        seen.append(self)
        original(self, *arguments, **options)

    monkeypatch.setattr(figure.Figure, "savefig", savefig)
    draw_alignment(tmp_path / "dogs.png", WEIGHTS, *WORDS)
    assert (tmp_path / "dogs.png").read_bytes().startswith(b"\x89PNG")
    axes = seen[0].axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == WORDS[1]
    assert [label.get_text() for label in axes.get_yticklabels()] == WORDS[0]
    np.testing.assert_array_equal(axes.get_images()[0].get_array(), WEIGHTS)


def test_dollar_signs_and_letters_missing_from_the_font_are_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    draw_alignment(tmp_path / "dogs.png", WEIGHTS, ["$5", "狗"], ["$x^$", "\\", "\x15"])


def test_the_ending_says_which_format(tmp_path):
    pytest.importorskip("matplotlib")
    draw_alignment(tmp_path / "dogs.svg", WEIGHTS, *WORDS)
    assert "<svg" in (tmp_path / "dogs.svg").read_text()
    with pytest.raises(UserError, match=r"dogs\.txt2 must end in a format for pictures"):
        draw_alignment(tmp_path / "dogs.txt2", WEIGHTS, *WORDS)
    assert [path.name for path in tmp_path.iterdir()] == ["dogs.svg"]


def test_without_matplotlib_it_says_what_to_install(tmp_path, monkeypatch):
    original = builtins.__import__

    def without_matplotlib(name, *arguments):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return original(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", without_matplotlib)
    with pytest.raises(UserError, match=r"pip install 'scratchgpt-numpy\[plots\]'"):
        draw_alignment(tmp_path / "dogs.png", WEIGHTS, *WORDS)


def test_a_missing_folder_is_named(tmp_path):
    pytest.importorskip("matplotlib")
    with pytest.raises(UserError, match=r"cannot write .*dogs\.png"):
        draw_alignment(tmp_path / "absent" / "dogs.png", WEIGHTS, *WORDS)
