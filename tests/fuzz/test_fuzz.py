"""Damaged files of every kind, through the command line; ``fuzz.py`` runs as many as you like."""

import ast
import os
import shutil
import sys
from pathlib import Path

import pytest

import scratchgpt
from scratchgpt.cli.inputs import INPUTS

PACKAGE = Path(scratchgpt.__file__).parent
COMMANDS = [(one, command) for one in INPUTS for command in one.commands]
CASES, CHUNKS = 240, 6

# What reads files but no input of a user.
OTHERS = {
    "evaluation/cosqa._read": "reads a download whose checksum is right",
    "exercises/grading.load": "executes a program of the user, who did not damage it",
    "kernels/compiler/cache.load_overload": "loads kernels, which an earlier test may have done",
    "kernels/compiler/cache.digest_of": "reads the source of the kernels",
    "measure/machine._last_cache_bytes": "reads what Linux says of the processor",
    "measure/machine.peak_memory": "reads what Linux says of this process",
    "measure/processor._cpuinfo": "reads what Linux says of the processor",
    "serving/page.page": "reads the parts of the page, which belong to the package",
    "text/code/functions.read_modules": "reads the source of Python and its packages",
    "text/code/sources._bytes_per_docstring": "reads the source of Python and its packages",
    "text/corpora/corpora._generated": "reads what this process wrote",
    "text/corpora/downloads._has_content": "compares a download with its checksum",
    "text/corpora/python_docs._docstrings": "reads the source of Python",
}


def functions_that_read():
    """Return ``folder/module.function`` for each function of the package that opens a file."""
    found = set()
    for path in sorted(PACKAGE.rglob("*.py")):
        module = str(path.relative_to(PACKAGE).with_suffix(""))
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and any(map(opens_a_file, ast.walk(node))):
                found.add(f"{module}.{node.name}")
    return found


def opens_a_file(node):
    if not isinstance(node, ast.Call):
        return False
    name = getattr(node.func, "id", getattr(node.func, "attr", ""))
    if name == "open" and not (isinstance(node.func, ast.Attribute) and not node.args):
        mode = node.args[1] if len(node.args) > 1 else ast.Constant("r")
        return not (isinstance(mode, ast.Constant) and str(mode.value)[0] in "wa")
    return name in (
        "read_text",
        "read_bytes",
        "memmap",
        "mmap",
        "from_file",
        "loadtxt",
        "safe_open",
    )


class Executed:
    """Records the functions of the package that run inside a ``with`` block."""

    def __init__(self):
        self._codes = set()

    def __enter__(self):
        sys.setprofile(self._record)
        return self

    def __exit__(self, *_):
        sys.setprofile(None)

    def _record(self, frame, event, argument):
        if event == "call":  # of any code: names are found later, as there are millions of calls
            self._codes.add(frame.f_code)

    @property
    def names(self):
        return {
            f"{os.path.relpath(c.co_filename, PACKAGE).removesuffix('.py')}.{c.co_name}"
            for c in self._codes
            if c.co_filename.startswith(str(PACKAGE))
        }


def test_whole_samples_are_accepted_and_every_reader_is_in_the_table(fuzz, samples, tmp_path):
    """A new reader needs a command in ``scratchgpt.cli.inputs`` that runs it."""
    with Executed() as executed:
        for one, command in COMMANDS:
            folder = tmp_path / "case"
            path = fuzz.copy_sample(one, samples, folder)
            outcome = fuzz.run_quietly(fuzz.filled(command, samples, path), seconds=600)
            assert outcome == ("accepted", ""), " ".join(command)
            shutil.rmtree(folder)
    unread = functions_that_read() - executed.names
    assert unread - OTHERS.keys() == set()


@pytest.mark.compiled
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_damaged_files_are_read_or_refused_in_one_line(fuzz, samples, tmp_path, chunk):
    n = CASES // CHUNKS
    for number in range(chunk * n, (chunk + 1) * n):
        case = fuzz.run_case(number, samples, tmp_path / "case", INPUTS, seconds=600)
        assert case.outcome in fuzz.GOOD, case


def test_the_harness_notices_what_must_not_happen(fuzz, monkeypatch):
    def raise_error():
        raise ZeroDivisionError

    def print_twice():
        print("error: one\nerror: two", file=sys.stderr)
        sys.exit(2)

    def wait():
        while True:
            pass

    def allocate():
        bytes(2 * fuzz.BYTES).replace(b"\0", b"x")

    monkeypatch.setattr(fuzz, "BYTES", 1 << 26)
    for fault, outcome, seconds in (
        (raise_error, "traceback", 600),
        (print_twice, "traceback", 600),
        (wait, "hang", 1),
        (allocate, "memory", 600),
    ):
        monkeypatch.setattr(fuzz, "run_command_line", fault)
        assert fuzz.run_quietly([], seconds=seconds)[0] == outcome
