import subprocess
import sys
import warnings

import pytest

import scratchgpt as package
from scratchgpt.errors import UserError

VERBS = (
    ("train",),
    ("generate",),
    ("translate",),
    ("eval",),
    ("import",),
    ("export",),
    ("quantize",),
    ("forecast",),
    ("info",),
    ("verify",),
    ("explore",),
    ("bench",),
    ("doctor",),
    ("tokenizer", "train"),
    ("tokenizer", "show"),
    ("data", "prepare"),
    ("data", "list"),
    ("data", "show"),
    ("cache", "show"),
    ("cache", "clear"),
)


def test_version_is_that_of_the_package(scratchgpt):
    assert scratchgpt("--version").stdout == f"scratchgpt {package.__version__}\n"


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_help_of_every_verb_shows_an_example_that_fits_the_screen(scratchgpt, verb):
    outcome = scratchgpt(*verb, "--help")
    assert outcome.status == 0
    name = " ".join(("scratchgpt", *verb))
    examples = outcome.stdout.split("Examples:")[1]
    assert name in examples
    assert max(len(line) for line in outcome.stdout.splitlines()) <= 80


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("train", "python-docs", "--step", 5), "--steps"),
        (("train", "python-docs", "--steps", "many"), "--steps"),
        (("generate",), "--model"),
        (("generate", "-m", "x", "--max-new-tokens", 0), "greater than or equal to 1"),
        (("eval", "-m", "x", "--which", "lst"), "'best', 'last'"),
        (("data", "show"), "directory"),
        (("trian",), "train"),
    ],
    ids=str,
)
def test_wrong_arguments_are_reported_in_one_line_with_the_way_out(refused, arguments, message):
    error = refused(*arguments)
    assert message in error
    assert error.endswith("--help")


@pytest.mark.parametrize("arguments", [(), ("data",)], ids=str)
def test_a_verb_that_needs_another_word_shows_its_help(scratchgpt, arguments):
    outcome = scratchgpt(*arguments)
    assert "Usage: scratchgpt" in outcome.stdout + outcome.stderr
    assert "Commands:" in outcome.stdout + outcome.stderr


@pytest.mark.parametrize("arguments", [("--help",), ("data", "--help"), ("tokenizer", "--help")])
def test_a_list_of_verbs_shows_each_help_in_full(scratchgpt, arguments):
    assert "..." not in scratchgpt(*arguments).stdout.replace("[ARGS]...", "")


def test_a_reader_that_stops_reading_sees_no_traceback():
    # `scratchgpt info | head -1`, with a reader that exits before the first line is written.
    code = (
        "import os, sys; from scratchgpt.cli.main import run; sys.argv[1:] = ['info'];"
        "r, w = os.pipe(); os.close(r); os.dup2(w, 1); run()"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stderr == ""


def test_the_module_runs_as_the_command_does():
    result = subprocess.run(
        [sys.executable, "-m", "scratchgpt", "--version"], capture_output=True, text=True
    )
    assert result.stdout == f"scratchgpt {package.__version__}\n"


HOSTILE = "a\n\x1b[2Jerror: b\x07\u202e\x9b"
SHOWN = r"a\n\x1b[2Jerror: b\x07\u202e\x9b"


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (UserError(HOSTILE), 2, f"error: {SHOWN}"),
        (MemoryError(), 1, "error: not enough memory; use a smaller model, batch or input"),
        (MemoryError("Unable to allocate 9 TiB"), 1, "error: not enough memory (Unable to"),
        (RecursionError(), 1, "error: the input is nested too deeply; simplify it"),
        (OSError(24, "Too many open files", HOSTILE), 1, f"error: {SHOWN}: Too many open files"),
        (ImportError("libx.so: cannot map"), 1, "error: cannot import a library: libx.so"),
        (KeyboardInterrupt(), 130, "error: interrupted"),
    ],
    ids=str,
)
def test_what_ends_a_command_is_said_in_one_line(scratchgpt, monkeypatch, error, status, line):
    def fail(*arguments):
        raise error

    monkeypatch.setattr("scratchgpt.cli.info._list_presets", fail)
    outcome = scratchgpt("info")
    assert outcome.status == status
    assert outcome.stderr.startswith(line)
    assert outcome.stderr.count("\n") == 1


def test_an_error_in_the_code_has_a_traceback(scratchgpt, monkeypatch):
    monkeypatch.setattr("scratchgpt.cli.info._list_presets", lambda as_json: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        scratchgpt("info")


def test_a_warning_is_one_line_without_control_characters(scratchgpt):
    scratchgpt("--version")
    assert warnings.formatwarning(HOSTILE, UserWarning, "a.py", 3) == f"warning: {SHOWN}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("info", "{}"),
        ("generate", "-m", "{}"),
        ("generate", "-m", "x", "--max-new-tokens", "{}"),
        ("eval", "-m", "x", "--which", "{}"),
        ("eval", "-m", "x", "--{}"),
        ("train", "{}"),
        ("train", "--config", "{}"),
        ("train", "--task", "{}"),
        ("import", "{}", "--out", "x"),
        ("forecast", "{}"),
        ("forecast", "--example", "{}"),
        ("tokenizer", "show", "{}"),
        ("data", "show", "{}"),
        ("verify", "{}"),
        ("bench", "{}"),
        ("{}",),
    ],
    ids=" ".join,
)
def test_a_name_cannot_control_the_terminal_or_write_another_line(refused, arguments):
    for name in (HOSTILE, "a\udcff\n"):
        error = refused(*(argument.replace("{}", name) for argument in arguments))
        assert error.isprintable()
