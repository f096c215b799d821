"""Standard streams that are closed, full or broken: one line at most, and no traceback."""

import ast
import errno
import io
import subprocess
import sys
from pathlib import Path

import pytest

from scratchgpt import cli
from scratchgpt.cli.main import run
from scratchgpt.cli.streams import standard_streams

FULL = "error: cannot write to standard output: No space left on device\n"
CLOSED = "error: cannot write to standard output: Bad file descriptor\n"
ERROR = "error: no such command 'x'"


class Broken(io.TextIOBase):
    """A file that cannot be written."""

    def __init__(self, number):
        self.number = number

    def write(self, text):
        raise OSError(self.number, "broken")


@pytest.fixture
def outcome(monkeypatch):
    """``outcome(stdout, stderr, *arguments)`` returns the exit status of a command."""

    def call(stdout, stderr, *arguments):
        monkeypatch.setattr(sys, "argv", ["scratchgpt", *arguments])
        monkeypatch.setattr(sys, "stdout", stdout)
        monkeypatch.setattr(sys, "stderr", stderr)
        with pytest.raises(SystemExit) as stop:
            run()
        assert (sys.stdout, sys.stderr) == (stdout, stderr)
        return stop.value.code or 0

    return call


VERBS = [("info",), ("--help",), ("--version",), ("info", "--json"), ("data", "list")]


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_results_that_cannot_be_written_are_an_error(outcome, verb):
    messages = io.StringIO()
    assert outcome(Broken(errno.ENOSPC), messages, *verb) == 1
    assert messages.getvalue() == "error: cannot write to standard output: broken\n"


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_a_reader_that_stops_reading_is_no_error(outcome, verb):
    messages = io.StringIO()
    assert outcome(Broken(errno.EPIPE), messages, *verb) == 1
    assert messages.getvalue() == ""


def test_messages_that_cannot_be_written_stop_no_command(outcome):
    results = io.StringIO()
    assert outcome(results, Broken(errno.ENOSPC), "info") == 0
    assert "gpt2" in results.getvalue()
    assert outcome(io.StringIO(), Broken(errno.EPIPE), "x") == 2


@pytest.mark.parametrize(
    ("redirection", "status", "stderr"),
    [
        ("info >/dev/full", 1, FULL),
        ("info >&-", 1, CLOSED),
        ("info <&- | cat >/dev/null; exit ${PIPESTATUS[0]}", 0, ""),
        ("info 2>&- >/dev/null", 0, ""),
        ("x 2>/dev/full", 2, ""),
        ("x <&- >&- 2>&-", 2, ""),
        ("generate -m nowhere -p - <&- >&-", 2, "error: there is no model or run in nowhere"),
    ],
)
def test_streams_of_a_process(redirection, status, stderr):
    command = f"{sys.executable} -m scratchgpt {redirection}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert done.returncode == status
    assert done.stderr.startswith(stderr)
    assert done.stderr.count("\n") == bool(stderr)


def test_an_open_file_does_not_take_the_number_of_a_closed_stream():
    code = (
        "from scratchgpt.cli.streams import standard_streams\n"
        "with standard_streams():\n"
        "    import sys; assert open(sys.executable).fileno() > 2\n"
        "    assert sys.stdin.read() == ''\n"
    )
    command = ["bash", "-c", '"$0" -c "$1" <&- >&- 2>&-', sys.executable, code]
    assert subprocess.run(command, stdin=subprocess.DEVNULL).returncode == 0


def test_an_error_that_a_library_catches_is_raised_again(monkeypatch):
    monkeypatch.setattr(sys, "stdout", Broken(errno.ENOSPC))
    with standard_streams():
        for attempt in (lambda: sys.stdout.write(""), sys.stdout.flush, sys.stdout.flush):
            with pytest.raises(Exception, match="cannot write to standard output"):
                attempt()


# Where the streams are written; everything else calls the functions of console.py.
WRITERS = {"console.py", "streams.py", "main.py"}


@pytest.mark.parametrize(
    "path", sorted(Path(cli.__file__).parent.glob("*.py")), ids=lambda p: p.name
)
def test_only_the_console_writes_to_streams(path):
    if path.name in WRITERS:
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        written = ast.unparse(node) if isinstance(node, ast.Attribute | ast.Name) else ""
        assert written not in ("print", "sys.stdout", "sys.stderr", "sys.stdin"), (
            f"{path.name}:{node.lineno}: call write_line, write_text, write_json or message"
        )
