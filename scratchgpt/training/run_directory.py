"""The folder of a training run: one process at a time, and folders in it that change as a whole.

A checkpoint is a folder of files that belong together, and no system call replaces one folder by
another. So the new one is written beside it, complete and on the disk, and then takes its place
in two renames::

    last.tmp-PID  written
    last          -> last.previous
    last.tmp-PID  -> last
    last.previous removed

Wherever that stops, a whole checkpoint is there: ``last``, or else ``last.previous``.
"""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from scratchgpt.errors import UserError
from scratchgpt.files import cannot_write

LAST, BEST, AVERAGE = "last", "best", "average"
LOCK_FILE = ".lock"


def find_checkpoint(run_directory: Path | str, which: str = LAST) -> Path:
    """The model directory of a checkpoint of a run.

    Parameters
    ----------
    run_directory : path
        The ``out_dir`` of a training run.
    which : {"last", "best", "average"}

    Raises
    ------
    UserError
        If there is none.
    """
    path = _existing(Path(run_directory), which)
    if path is None and which == AVERAGE and _existing(Path(run_directory), LAST):
        raise UserError(
            f"there is no average of checkpoints in {run_directory}; a run with average=5 "
            "leaves one when it ends"
        )
    if path is None:
        raise UserError(
            f"there is no {which!r} checkpoint in {run_directory}; "
            "name a folder that `scratchgpt train --out` made"
        )
    return path


def _existing(run_directory: Path, which: str) -> Path | None:
    for path in (run_directory / which, _previous(run_directory / which)):
        if path.is_dir():
            return path
    return None


class RunDirectory:
    """The folder of a run, held by this process from :meth:`acquire` to :meth:`release`.

    The operating system ends the hold when the process ends, however it ends.

    Parameters
    ----------
    path : path
        Made if it is not there.
    """

    def __init__(self, path: Path | str) -> None:
        from filelock import FileLock

        self.path = Path(path)
        self._lock = FileLock(self.path / LOCK_FILE)

    def acquire(self) -> None:
        """Hold the folder, and clear away what a killed process left half done.

        Nothing happens where this object holds it already.

        Raises
        ------
        UserError
            If another process holds it, or it cannot be written.
        """
        from filelock import Timeout

        if self._lock.is_locked:
            return
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=0)
        except Timeout:
            raise UserError(
                f"{self.path} is in use by another training run; wait for it or choose "
                "another folder"
            ) from None
        except OSError as error:
            raise cannot_write(self.path, error) from error
        try:
            self._recover()
        except OSError as error:
            self.release()
            raise cannot_write(self.path, error) from error

    def release(self) -> None:
        """Let others have the folder."""
        self._lock.release()

    def find(self, which: str) -> Path | None:
        """The checkpoint, or None where there is none yet."""
        return _existing(self.path, which)

    @contextlib.contextmanager
    def replacing(self, which: str) -> Iterator[Path]:
        """``with run.replacing("last") as temporary:`` fill that folder; then it is ``last``.

        If filling it fails, the old checkpoint stays as it was.

        Raises
        ------
        UserError
            If the disk is full or the folder cannot be written.
        """
        path = self.path / which
        temporary = self.path / f"{which}.tmp-{os.getpid()}"
        try:
            temporary.mkdir()
            yield temporary
            for file in temporary.iterdir():
                _sync(file)
            _sync(temporary)
            if path.exists():
                shutil.rmtree(_previous(path), ignore_errors=True)
                os.rename(path, _previous(path))
            os.rename(temporary, path)
            _sync(self.path)
            shutil.rmtree(_previous(path), ignore_errors=True)
        except OSError as error:
            raise cannot_write(path, error) from error
        finally:
            with contextlib.suppress(OSError):
                self._recover()

    def _recover(self) -> None:
        """Undo or finish the replacements that did not get to their end."""
        for which in (LAST, BEST, AVERAGE):
            path = self.path / which
            if _previous(path).exists():
                if path.exists():
                    shutil.rmtree(_previous(path))
                else:
                    os.rename(_previous(path), path)
            for leftover in self.path.glob(f"{which}.tmp-*"):
                shutil.rmtree(leftover)
        for leftover in self.path.glob(".*.*.tmp"):  # of files that were being replaced
            leftover.unlink()


def _previous(path: Path) -> Path:
    return path.with_name(f"{path.name}.previous")


def _sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, have reached the disk."""
    if path.is_dir():
        if os.name == "nt":
            return  # Windows opens no folders
        descriptor = os.open(path, os.O_RDONLY)
    else:
        descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
