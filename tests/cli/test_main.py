import subprocess
import sys

import pytest

import scratchgpt as package

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
