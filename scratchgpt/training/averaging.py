"""The average of the last checkpoints, as the Transformer's authors took it.

Vaswani et al. 2017, section 6.1: steps of a constant size never come to rest, they go around the
minimum, and the mean of the places is nearer to it than each of them.
"""

import re
from pathlib import Path

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.files import make_folder
from scratchgpt.layers import Layer
from scratchgpt.models.tensor_file import save_tensors
from scratchgpt.models.weight_files import load_tensors

RECENT = "recent"


class RecentWeights:
    """The weights of the last checkpoints, in a folder beside them.

    Those that are averaged are a function of the step alone, also of a run that was interrupted,
    killed or resumed: every ``interval`` steps there is one, and one at the end. So that they are
    all there when a killed run is resumed at its last checkpoint, weights are added before that
    checkpoint is written, and the oldest forgotten after it.

    Parameters
    ----------
    path : Path
    n : int
        How many are averaged.
    interval : int
        Steps from one to the next.
    """

    def __init__(self, path: Path, n: int, interval: int) -> None:
        self.path = path
        self.n = n
        self.interval = interval

    def resume(self, step: int) -> None:
        """Forget what a run resumed at ``step`` will do again: what came later, and its old end."""
        for leftover in self.path.glob(".*.tmp"):
            leftover.unlink()
        for other in self._steps():
            if other > step or other % self.interval:
                self._file(other).unlink()

    def add(self, step: int, model: Layer) -> None:
        """Keep the weights that the model has after ``step`` updates."""
        make_folder(self.path)
        save_tensors(self._file(step), _values(model))

    def prune(self) -> None:
        """Forget all but the last."""
        for step in self._steps()[: -self.n]:
            self._file(step).unlink()

    def mean(self, model: Layer) -> dict[str, Array] | None:
        """The mean of the weights by name, in the dtype of the model; None where there are none.

        It is summed in float64, from the oldest to the newest.
        """
        steps = self._steps()[-self.n :]
        if not steps:
            return None
        read = {name: np.empty_like(value) for name, value in _values(model).items()}
        total = {name: np.zeros(value.shape) for name, value in read.items()}
        for step in steps:
            load_tensors(self._file(step), read)
            for name, value in read.items():
                total[name] += value
        return {name: (total[name] / len(steps)).astype(read[name].dtype) for name in read}

    def _steps(self) -> list[int]:
        """In rising order."""
        found = (re.fullmatch(r"step-(\d+)\.safetensors", p.name) for p in self.path.glob("*"))
        return sorted(int(match[1]) for match in found if match)

    def _file(self, step: int) -> Path:
        return self.path / f"step-{step}.safetensors"


def _values(model: Layer) -> dict[str, Array]:
    return {name: parameter.value for name, parameter in model.store.named.items()}
