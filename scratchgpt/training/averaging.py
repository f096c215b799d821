"""Averaging of the last checkpoints, as in Vaswani et al. 2017, section 6.1.

Steps of constant size do not converge but circle around the minimum. The mean of the points on
that path is closer to the minimum than each single point.
"""

import re
from pathlib import Path

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.files import make_folder, remove_leftovers
from scratchgpt.layers import Layer
from scratchgpt.models.tensor_file import save_tensors
from scratchgpt.models.weight_files import load_tensors

RECENT = "recent"


class RecentWeights:
    """The weights of the last checkpoints, saved in a folder beside the checkpoints.

    Weights are saved every ``interval`` steps and at the end of the run. Which of them are averaged
    depends on the step only, even if the run was interrupted, killed or resumed. To have all of
    them when a killed run is resumed from its last checkpoint, weights are added before that
    checkpoint is written, and the oldest weights are deleted after it.

    Parameters
    ----------
    path : Path
        Folder for the weights.
    n : int
        Number of checkpoints to average.
    interval : int
        Steps between two checkpoints.
    """

    def __init__(self, path: Path, n: int, interval: int) -> None:
        self.path = path
        self.n = n
        self.interval = interval

    def resume(self, step: int) -> None:
        """Delete the weights that a run resumed at ``step`` saves again.

        These are the weights of later steps, and those of the old last step.
        """
        remove_leftovers(self.path)
        for other in self._steps():
            if other > step or other % self.interval:
                self._file(other).unlink()

    def add(self, step: int, model: Layer) -> None:
        """Save the weights of the model after ``step`` updates."""
        make_folder(self.path)
        save_tensors(self._file(step), _values(model))

    def prune(self) -> None:
        """Delete all weights but the last ``n``."""
        for step in self._steps()[: -self.n]:
            self._file(step).unlink()

    def mean(self, model: Layer) -> dict[str, Array] | None:
        """Return the mean of the saved weights by name, or None if none are saved.

        The weights are summed in float64, from the oldest to the newest; the result has the dtype
        of the model.
        """
        steps = self._steps()[-self.n :]
        if not steps:
            return None
        read = {name: np.empty(x.shape, x.dtype) for name, x in _values(model).items()}
        total = {name: np.zeros(value.shape) for name, value in read.items()}
        for step in steps:
            load_tensors(self._file(step), read)
            for name, value in read.items():
                total[name] += value
        return {name: (total[name] / len(steps)).astype(read[name].dtype) for name in read}

    def _steps(self) -> list[int]:
        """Return the steps of the saved weights, in ascending order."""
        found = (re.fullmatch(r"step-(\d+)\.safetensors", p.name) for p in self.path.glob("*"))
        return sorted(int(match[1]) for match in found if match)

    def _file(self, step: int) -> Path:
        return self.path / f"step-{step}.safetensors"


def _values(model: Layer) -> dict[str, Array]:
    return {name: parameter.value for name, parameter in model.store.named.items()}
