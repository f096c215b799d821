"""Folders that commands create: complete, or not there."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from scratchgpt.errors import UserError
from scratchgpt.files import cannot_write, make_folder, sync, temporary_folder


@contextlib.contextmanager
def new_folder(path: Path, *, last: str) -> Iterator[Path]:
    """Create a folder with the files that a ``with`` block writes: all of them or none.

    The block fills a temporary folder, which is then renamed to ``path``. An existing folder that
    cannot be replaced by a rename (a mount point, the working directory, one with hidden files)
    receives the files one by one.

    Parameters
    ----------
    path : Path
        A missing path, or an empty folder.
    last : str
        The file that makes the folder complete; it is moved after all others.

    Raises
    ------
    UserError
        If the disk is full, or the folder cannot be written.
    """
    target = Path(os.path.realpath(path))
    make_folder(target.parent)
    try:
        whole = _can_be_renamed_to(target)
        with temporary_folder(target if whole else target / "new") as outer:
            folder = outer / target.name if target.name else outer / "new"
            folder.mkdir()
            try:
                yield folder
            except UserError as error:  # about a file of the temporary folder
                raise UserError(str(error).replace(str(folder), str(path))) from error
            files = sorted(folder.iterdir(), key=lambda file: file.name == last)
            for file in (*folder.rglob("*"), folder):
                sync(file)
            if whole:
                if target.exists():
                    shutil.copymode(target, folder)
                    if os.name == "nt":
                        target.rmdir()
                os.rename(folder, target)
                sync(target.parent)
            else:
                for file in files:
                    os.rename(file, target / file.name)
                sync(target)
    except OSError as error:
        raise cannot_write(path, error) from error


def _can_be_renamed_to(path: Path) -> bool:
    """Whether a rename to ``path`` is possible and does no harm."""
    return not path.exists() or not (
        any(path.iterdir())
        or os.path.ismount(path)
        or os.path.samefile(path, os.curdir)
        or not os.access(path.parent, os.W_OK)
    )
