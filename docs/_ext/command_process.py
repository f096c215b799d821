"""Run ``scratchgpt`` commands in processes that do not import the libraries again.

A server, this file as a program, imports them once, before it starts any thread. Each command is a
fork of it. (``multiprocessing`` has such a server, but its processes would run ``sphinx`` again.)
"""

import atexit
import contextlib
import json
import os
import select
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import NamedTuple

SECONDS = 600  # the longest that a command may take


class Done(NamedTuple):
    """The exit status of a command, and what it printed."""

    status: int
    stdout: str
    stderr: str


def run_command(arguments: list[str], folder: str, environment: dict[str, str]) -> Done:
    """Run ``scratchgpt`` with arguments in a folder, and return what it printed.

    Raises
    ------
    TimeoutError
        If it takes longer than ten minutes.
    """
    server = _server()
    assert server.stdin is not None
    assert server.stdout is not None
    with tempfile.TemporaryDirectory() as printed:
        paths = [Path(printed) / name for name in ("stdout", "stderr")]
        request = [arguments, folder, environment, *(str(path) for path in paths)]
        server.stdin.write(json.dumps(request) + "\n")
        server.stdin.flush()
        if not select.select([server.stdout], [], [], SECONDS)[0]:
            raise TimeoutError(f"scratchgpt {' '.join(arguments)} takes more than {SECONDS} s")
        status = int(server.stdout.readline())
        stdout, stderr = (path.read_text(encoding="utf-8") for path in paths)
        return Done(status, stdout, stderr)


@cache
def _server() -> subprocess.Popen[str]:
    """Start the server, which reads commands and writes exit statuses."""
    atexit.register(stop)
    command = [sys.executable, __file__]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
    )


def stop() -> None:
    """End the server, if there is one."""
    if _server.cache_info().currsize:
        server = _server()
        _server.cache_clear()
        server.communicate(timeout=SECONDS)


def serve() -> None:
    """Run each command that standard input has, one after the other."""
    with contextlib.suppress(ImportError):
        import numba  # noqa: F401
    import scratchgpt.cli.app  # noqa: F401
    from scratchgpt.cli.main import run

    for line in sys.stdin:
        arguments, folder, environment, stdout, stderr = json.loads(line)
        process = os.fork()
        if process == 0:
            for stream, path in enumerate((os.devnull, stdout, stderr)):
                flags = os.O_RDWR | (os.O_CREAT if stream else 0)
                os.dup2(os.open(path, flags, 0o600), stream)
            os.chdir(folder)
            os.environ.update(environment)
            sys.argv = ["scratchgpt", *arguments]
            run()  # ends the process
        _, status = os.waitpid(process, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    serve()
