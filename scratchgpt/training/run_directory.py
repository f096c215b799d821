"""The folder of a training run: locked by one process, with atomic replacement of checkpoints.

A checkpoint is a folder of files that belong together. The new checkpoint is first written beside
the old one and flushed to disk; then the two folders exchange their names. Where the system cannot
exchange names atomically, two renames do so::

    last      -> last.previous
    the new   -> last
    last.previous removed

At every point, one complete checkpoint exists: ``last``, or else ``last.previous``.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from scratchgpt.checkpoints import AVERAGE, BEST, LAST, existing_checkpoint
from scratchgpt.errors import UserError
from scratchgpt.files import (
    cannot_write,
    previous,
    remove,
    remove_leftovers,
    replacing_folder,
    temporary_folder,
)

LOCK_FILE = ".lock"


class RunDirectory:
    """The folder of a run, locked by this process from :meth:`acquire` to :meth:`release`.

    The operating system releases the lock whenever the process ends, even if it is killed.

    Parameters
    ----------
    path : path
        Created by :meth:`acquire` if it does not exist.
    """

    def __init__(self, path: Path | str) -> None:
        from filelock import FileLock

        self.path = Path(path)
        self._lock = FileLock(self.path / LOCK_FILE)

    def acquire(self) -> None:
        """Lock the folder, and remove the incomplete files of a killed process.

        Do nothing if this object already holds the lock.

        Raises
        ------
        UserError
            If another process holds the lock, or the folder cannot be written.
        """
        from filelock import Timeout

        if self._lock.is_locked:
            return
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=0)
        except Timeout:
            raise UserError(
                f"{self.path} is in use by another training run; wait until it ends or choose "
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
        """Release the lock on the folder."""
        self._lock.release()

    def find(self, which: str) -> Path | None:
        """Return the directory of a checkpoint, or None if it does not exist yet."""
        return existing_checkpoint(self.path, which)

    @contextlib.contextmanager
    def replacing(self, which: str) -> Iterator[Path]:
        """Replace a checkpoint by the folder that a ``with`` block fills.

        Inside ``with run.replacing("last") as temporary:``, write the files to ``temporary``; at
        the end of the block it becomes ``last``. If an error occurs, the old checkpoint is
        unchanged.

        Raises
        ------
        UserError
            If the disk is full or the folder cannot be written.
        """
        try:
            with replacing_folder(self.path / which) as folder:
                yield folder
        finally:
            with contextlib.suppress(OSError):
                self._recover()

    def discard(self, which: str) -> None:
        """Remove a checkpoint, if there is one, so that no reader finds a part of it.

        Raises
        ------
        UserError
            If the folder cannot be written.
        """
        path = self.path / which
        try:
            with temporary_folder(path) as removed:
                for existing in (previous(path), path):
                    if os.path.lexists(existing):
                        os.rename(existing, removed / existing.name)
        except OSError as error:
            raise cannot_write(path, error) from error

    def _recover(self) -> None:
        """Undo or finish interrupted replacements."""
        for which in (LAST, BEST, AVERAGE):
            path = self.path / which
            if os.path.lexists(previous(path)):
                if path.exists():
                    remove(previous(path))
                else:
                    os.rename(previous(path), path)
        remove_leftovers(self.path)
