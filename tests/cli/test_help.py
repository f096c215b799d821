"""The layout of ``--help``: whatever the width, examples can be pasted."""

import re
import shlex
import subprocess

import pytest
from typer.main import get_command

from scratchgpt.cli.app import app
from scratchgpt.cli.help import continued


def below(command, path=()):
    """The path of a command and of all commands below it, and the text below their options."""
    yield path, command.epilog
    for name, each in getattr(command, "commands", {}).items():
        yield from below(each, (*path, name))


EPILOGS = dict(below(get_command(app)))
ALL = list(EPILOGS)


@pytest.mark.parametrize("width", [40, 80])
@pytest.mark.parametrize("verb", ALL, ids=" ".join)
def test_examples_can_be_pasted_and_lines_fit(scratchgpt, monkeypatch, verb, width):
    monkeypatch.setenv("COLUMNS", str(width))
    shown = scratchgpt(*verb, "-h").stdout
    written = [line for line in EPILOGS[verb].splitlines() if "scratchgpt " in line]
    pasted = shown.replace("\\\n", " ").split("\n\n")[-len(written) :]
    assert list(map(shlex.split, pasted)) == list(map(shlex.split, written))
    for line in shown.splitlines():
        # Names of options and quoted words are not broken.
        assert len(line) <= width or re.match(r"\s+(-|\"|\S+$|\S+ <)", line), line
    assert "list[" not in shown


def test_choices_are_shown(scratchgpt):
    assert "<kernels|corpora|" in scratchgpt("cache", "clear", "-h").stdout


@pytest.mark.parametrize("width", range(1, 90, 7))
def test_the_shell_reads_a_continued_command_as_one(width):
    command = "printf '%s\\n' --to \"a b\" x 'c d' - --flag --n 3"
    lines = continued(command, width)
    runs = [
        subprocess.run(["sh", "-c", text], capture_output=True, text=True).stdout
        for text in (command, "\n".join(lines))
    ]
    assert runs[0] == runs[1] != ""
    assert all(len(line) <= max(width, 22) for line in lines)
