"""Runs a test suite against a mutated copy of the package, each time in a forked process.

Importing NumPy, pytest and PyTorch takes longer than most suites need to catch a mutant, so the
parent has imported them already. The package itself is imported in the child alone.
"""

import compileall
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from py_compile import PycInvalidationMode

Stage = list[str]  # arguments of pytest
HYPOTHESIS = "_hypothesis_pytestplugin"  # with it the examples are those of the default suite
NOTHING_SELECTED = 5  # pytest's exit status; to a stage it is as good as success
PYTEST_BROKE, NOT_THE_COPY = 98, 99  # neither is the fault of a mutant


class Copy:
    """A folder with a copy of the package and of its tests.

    Parameters
    ----------
    checkout, folder : Path
        From where to where.
    package : str
        Name of the package, a folder in ``checkout``.
    extras : list of str
        What else the tests need: their own folder, the configuration of pytest.
    """

    def __init__(self, checkout: Path, folder: Path, package: str, extras: list[str]) -> None:
        self.folder = folder
        self.package = package
        cached = shutil.ignore_patterns("__pycache__")
        for name in (package, *extras):
            if (checkout / name).is_dir():
                shutil.copytree(checkout / name, folder / name, ignore=cached)
            else:
                shutil.copy(checkout / name, folder / name)
        # By its hash: two mutants of one size in one second must not be taken for each other.
        mode = PycInvalidationMode.CHECKED_HASH
        compileall.compile_dir(folder / package, quiet=2, invalidation_mode=mode)

    @contextmanager
    def mutated(self, file: str, source: str) -> Iterator[None]:
        """Within it one file has another content."""
        path = self.folder / file
        original = path.read_text(encoding="utf-8")
        path.write_text(source, encoding="utf-8")
        try:
            yield
        finally:
            path.write_text(original, encoding="utf-8")

    def first_failure(self, stages: list[Stage], timeout: float) -> str | None:
        """The stage that fails (or takes too long), as text; None where all pass."""
        for stage in stages:
            status = self._run(stage, timeout)
            if status == NOT_THE_COPY:
                raise RuntimeError(f"the tests do not import {self.package} from {self.folder}")
            if status == PYTEST_BROKE:
                raise RuntimeError(f"pytest does not start with {stage}")
            if status not in (0, NOTHING_SELECTED):
                return ("timeout: " if status is None else "") + " ".join(stage)
        return None

    def _run(self, stage: Stage, timeout: float) -> int | None:
        """Exit status of pytest in a child; None where it took too long and was ended."""
        child = os.fork()
        if child == 0:
            self._become_pytest(stage)
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.01)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return None

    def _become_pytest(self, stage: Stage) -> None:
        status = PYTEST_BROKE
        try:
            silence = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(silence, stream)
            os.chdir(self.folder)
            os.environ["PYTHONPATH"] = str(self.folder)
            os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # they take a while to find
            sys.path.insert(0, str(self.folder))  # before an editable installation
            import pytest

            options = ["-x", "-q", "--tb=no", "-p", "no:cacheprovider", "-p", HYPOTHESIS]
            status = int(pytest.main([*options, *stage]))
            module = sys.modules.get(self.package)
            if module is not None and not str(module.__file__).startswith(str(self.folder)):
                status = NOT_THE_COPY
        finally:
            os._exit(status)
