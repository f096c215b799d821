"""One rule for all commands that write files: nothing that exists is overwritten."""

import os
from pathlib import Path

from scratchgpt.errors import UserError
from scratchgpt.files import cannot_write

# The ends of the help texts of options that name an output.
NEW_FOLDER = "It must be new or empty."
NEW_FILE = "It must not exist."


def refuse_existing(*paths: Path | None) -> None:
    """Raise UserError if an output exists; an empty folder counts as new. None is skipped."""
    for path in paths:
        if path is not None:
            try:
                _refuse(path)
            except OSError as error:
                raise cannot_write(path, error) from error


def _refuse(path: Path) -> None:
    if path.is_dir():
        content = sorted(file.name for file in path.iterdir() if file.name[0] != ".")
        if content:
            held = "a model" if "config.json" in content else f"files ({content[0]})"
            raise UserError(f"{path} already contains {held}; choose another folder")
    elif os.path.lexists(path):
        raise UserError(f"{path} already exists; choose another path, or remove it")
