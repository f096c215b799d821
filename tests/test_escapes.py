"""Characters that are commands: to a terminal, a shell or matplotlib."""

import os
import re
import subprocess
import sys
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchgpt.escapes import escaped, plot_text, shell_quoted

REORDERING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def test_every_control_character_is_escaped_and_nothing_else():
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        is_control = unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")
        if is_control or character in REORDERING:
            shown = escaped(f"a{character}b")
            assert re.fullmatch(r"a\\(x..|u....|[nrt])b", shown), (code, shown)
        else:
            assert escaped(character) == character


def test_some_control_characters_can_be_kept():
    assert escaped("a\tb\nc\x1b", keep="\t\n") == "a\tb\nc\\x1b"


NAMES = st.text(st.sampled_from("a$`\"'\\;|&<>*?~!# \n\t\x1b\x07\x9b\u202e\udcffé"), min_size=1)


@settings(max_examples=40)
@given(NAMES)
def test_the_shell_reads_a_quoted_path_as_one_word_that_is_the_path(name):
    word = shell_quoted(name)
    assert escaped(word) == word
    shown = subprocess.run(["bash", "-c", f"printf '%s|' {word}"], capture_output=True).stdout
    assert shown == os.fsencode(name) + b"|"


@pytest.mark.parametrize("name", ["$x^{$", "$", "\\$a$", "_a", "\ud800", "\x1b[2J\n", "a$b", "%"])
def test_matplotlib_draws_a_name_as_it_is(name):
    pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure

    figure = Figure()
    axes = figure.subplots()
    title = axes.set_title(plot_text(name))
    figure.canvas.draw()
    drawn, is_math = title._preprocess_math(title.get_text())
    assert (drawn, is_math) == (escaped(name), False)
