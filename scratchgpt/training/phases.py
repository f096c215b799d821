"""Phases of a data source; checkpoints and the end of a run must fall between phases."""

import numpy as np

from scratchgpt.arguments import check_whole
from scratchgpt.errors import UserError
from scratchgpt.precision import products_in
from scratchgpt.training.batches import Batches, PhasedBatches
from scratchgpt.training.config import TrainConfig
from scratchgpt.training.records import StoppingRecord
from scratchgpt.training.signals import StopRequest
from scratchgpt.training.step import Stepper


class Phases:
    """The phases of a run; if the data source has none, every step is a phase.

    Parameters
    ----------
    batches : Batches or PhasedBatches
    config : TrainConfig
    saves : bool
        Whether checkpoints are written.

    Raises
    ------
    UserError
        If the run, or a checkpoint, would end in the middle of a phase.
    """

    def __init__(self, batches: Batches[object], config: TrainConfig, *, saves: bool) -> None:
        self.source = batches if isinstance(batches, PhasedBatches) else None
        self._told = False
        self.n_steps = 1
        if self.source:
            self.n_steps = check_whole("phase_steps", self.source.phase_steps, least=1)
        for name in ("steps", "checkpoint_interval") if saves else ("steps",):
            value = getattr(config, name)
            if value % self.n_steps:
                below = value - value % self.n_steps
                nearest = [str(n) for n in (below, below + self.n_steps) if n]
                raise UserError(
                    f"{name}={value} is not a multiple of phase_steps={self.n_steps}, and "
                    f"checkpoints are written between phases only; choose {' or '.join(nearest)}"
                )

    def check_resumable(self, step: int) -> None:
        """Refuse to resume in the middle of a phase."""
        if self.is_under_way(step):
            raise UserError(
                f"the run was saved at step {step}, in the middle of a phase of "
                f"phase_steps={self.n_steps}; resume it with the phase_steps that it started with"
            )

    def is_under_way(self, step: int) -> bool:
        """Whether the run is in the middle of a phase after ``step`` updates."""
        return step % self.n_steps > 0

    def begin_if_due(self, step: int, stepper: Stepper) -> None:
        """Let the data source begin a phase if one begins after ``step`` updates.

        Signals stop training before or after a phase, not in the middle. Matrix products have the
        precision of the training, so that what is computed here equals what an update computes.

        Raises
        ------
        Stopped
        """
        if self.source and not self.is_under_way(step):
            stepper.check_stop()
            stepper.stop.deferred = True
            # What is NaN or infinite here is detected by the loss of the next update.
            with products_in(stepper.config.precision), np.errstate(all="ignore"):
                self.source.begin_phase(step // self.n_steps, stepper.objective)

    def updated(self, step: int, stop: StopRequest) -> StoppingRecord | None:
        """End the phase if ``step`` updates complete it.

        If the phase continues and a signal is waiting for its end, return a record, once per
        signal.
        """
        stop.deferred = self.is_under_way(step)
        if stop.signal is None or not stop.deferred or self._told:
            return None
        self._told = True
        return StoppingRecord(step, step + -step % self.n_steps)
