"""The checkpoints of a training run, and which of them is the model of the run."""

from pathlib import Path

from scratchgpt.errors import UserError
from scratchgpt.files import previous

LAST, BEST, AVERAGE = "last", "best", "average"
CHECKPOINTS = (AVERAGE, BEST, LAST)  # the model of a run is the first that the run has


def find_checkpoint(run_directory: Path | str, which: str = LAST) -> Path:
    """Return the model directory of a checkpoint of a run.

    Parameters
    ----------
    run_directory : path
        The ``out_dir`` of a training run.
    which : {"last", "best", "average"}

    Raises
    ------
    UserError
        If the run has no such checkpoint.
    """
    path = existing_checkpoint(Path(run_directory), which)
    if path is None and which == AVERAGE and existing_checkpoint(Path(run_directory), LAST):
        raise UserError(
            f"{run_directory} has no average of checkpoints; a run with average=5 "
            "writes one when it ends"
        )
    if path is None:
        raise UserError(
            f"{run_directory} has no {which!r} checkpoint; "
            "name a folder that `scratchgpt train --out` created"
        )
    return path


def existing_checkpoint(run_directory: Path, which: str) -> Path | None:
    """Return the model directory of a checkpoint, or None if the run does not have it."""
    for path in (run_directory / which, previous(run_directory / which)):
        if path.is_dir():
            return path
    return None


def run_model(directory: Path) -> Path | None:
    """Return the model directory of a run, or None if ``directory`` is not a run."""
    found = (existing_checkpoint(directory, which) for which in CHECKPOINTS)
    return next((path for path in found if path is not None), None)
