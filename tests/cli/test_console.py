import io
import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchgpt.cli import console
from scratchgpt.cli.console import (
    byte_count,
    one_line,
    preparation_progress,
    program,
    write_line,
)


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """A clock that is set by hand: ``clock.now = 3.0``."""

    class Clock:
        now = 100.0

        def monotonic(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(console, "time", clock)
    return clock


def test_without_a_terminal_each_stage_is_a_line_and_another_every_few_seconds(clock):
    stream = io.StringIO()
    with preparation_progress(stream) as progress:
        progress("learning characters", 0, 2_000_000)
        clock.now += 4.9
        progress("learning characters", 1_000_000, 2_000_000)
        clock.now += 0.2
        progress("learning characters", 1_500_000, 2_000_000)
        clock.now += 0.2
        progress("encoding", 10, 2_000_000)
    assert stream.getvalue().splitlines() == [
        "learning characters (2.0 MB)",
        "learning characters: 75%",
        "encoding (2.0 MB)",
    ]


def test_a_stage_without_a_size_is_one_line(clock):
    stream = io.StringIO()
    with preparation_progress(stream) as progress:
        progress("waiting for [another] process", 0, 0)
    assert stream.getvalue() == "waiting for [another] process\n"


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()])
def test_without_reports_nothing_is_shown(stream, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    with preparation_progress(stream):
        pass
    assert "%" not in stream.getvalue()
    assert stream.getvalue().strip("\x1b[?25h\n") == ""


def test_on_a_terminal_a_bar_shows_each_stage_and_disappears(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    stream = Terminal()
    with preparation_progress(stream) as progress:
        progress("waiting", 0, 0)
        progress("encoding [all]", 1_000_000, 2_000_000)
        progress("encoding [all]", 2_000_000, 2_000_000)
    written = stream.getvalue()
    assert "encoding [all]" in written
    assert "2.0/2.0 MB" in written
    assert written.rstrip().endswith("\x1b[2K")  # at last the line is erased


def test_an_error_passes_through_and_the_bar_disappears(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()

    def interrupted():
        with preparation_progress(stream) as progress:
            progress("encoding", 1, 2)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert "\x1b[?25h" in stream.getvalue()  # the cursor is back


def test_a_terminal_without_the_character_gets_a_question_mark(monkeypatch):
    content = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(content, encoding="ascii"))
    write_line("é 中 a")
    sys.stdout.flush()
    assert content.getvalue().split() == [b"?", b"?", b"a"]


@pytest.mark.parametrize(
    ("n", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (1234567, "1.2 MB"), (5 * 10**15, "5,000.0 TB")],
)
def test_byte_counts_have_units(n, text):
    assert byte_count(n) == text


@pytest.fixture
def called_as(monkeypatch, tmp_path):
    """``called_as(argument_0, on_path)`` returns what to type to call the program again."""
    for folder in ("venv", "my venv"):
        (tmp_path / folder).mkdir()
        for name in ("scratchgpt", "python"):
            (tmp_path / folder / name).touch(mode=0o755)
    monkeypatch.chdir(tmp_path)

    def call(argument, on_path=None):
        monkeypatch.setenv("PATH", str(tmp_path / on_path) if on_path else "")
        monkeypatch.setattr(sys, "argv", [argument.format(tmp_path), "train"])
        monkeypatch.setattr(sys, "executable", str(tmp_path / "venv" / "python"))
        return program().replace(str(tmp_path), "{}")

    return call


@pytest.mark.parametrize(
    ("argument", "on_path", "typed"),
    [
        ("{}/venv/scratchgpt", "venv", "scratchgpt"),  # found by the shell
        ("venv/scratchgpt", None, "venv/scratchgpt"),  # as make calls it
        ("{}/venv/scratchgpt", None, "{}/venv/scratchgpt"),
        ("{}/venv/scratchgpt", "my venv", "{}/venv/scratchgpt"),  # there is another one
        ("my venv/scratchgpt", None, "'my venv/scratchgpt'"),
        ("{}/scratchgpt/__main__.py", "venv", "python -m scratchgpt"),
        ("{}/scratchgpt/__main__.py", None, "{}/venv/python -m scratchgpt"),
    ],
)
def test_the_program_is_named_so_that_the_shell_finds_it(called_as, argument, on_path, typed):
    assert called_as(argument, on_path) == typed


@given(st.text(st.sampled_from("ab \t\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029")))
def test_one_line_is_one_line_however_lines_are_counted(text):
    line = one_line(text)
    assert len(f"{line}\n".splitlines()) == 1
    assert "\t" not in line
    assert line.split() == text.split()
    if len(f"{text}\n".splitlines()) == 1 and "\t" not in text:
        assert line == text


CONTROLS = "a\tb\nc\x1b[2J\x7f\x9b\u202e"


@pytest.fixture
def written(monkeypatch):
    """``written(function, text, on_terminal)`` returns what is written to the standard streams."""

    def call(function, text, on_terminal=False):
        stream = (Terminal if on_terminal else io.StringIO)()
        monkeypatch.setattr(sys, "stdout", stream)
        monkeypatch.setattr(sys, "stderr", stream)
        function(text)
        return stream.getvalue()

    return call


@pytest.mark.parametrize("on_terminal", [True, False])
@pytest.mark.parametrize("function", [console.message, write_line, console.write_wrapped])
def test_a_message_is_one_line_without_control_characters(written, function, on_terminal):
    shown = written(function, CONTROLS, on_terminal)
    assert shown == r"a\tb\nc\x1b[2J\x7f\x9b\u202e" + "\n"


def test_text_is_escaped_on_a_terminal_and_unchanged_elsewhere(written):
    assert written(console.write_text, CONTROLS) == CONTROLS
    on_terminal = "a\tb\nc" + r"\x1b[2J\x7f\x9b\u202e"
    assert written(console.write_text, CONTROLS, on_terminal=True) == on_terminal


def test_json_is_printable_and_read_as_the_same_object(written):
    record = {CONTROLS: ["\udcff", CONTROLS]}
    shown = written(console.write_json, record)
    assert shown[:-1].isprintable()
    assert json.loads(shown) == record


def test_progress_shows_names_without_control_characters():
    for stream in (io.StringIO(), Terminal()):
        with preparation_progress(stream) as progress:
            progress("reading \x1b[2Jx", 1, 10)
        assert "\x1b[2Jx" not in stream.getvalue()
        assert r"\x1b[2Jx" in stream.getvalue()
