"""Where the batches of a training run come from."""

from collections.abc import Iterator
from typing import Protocol, TypeVar, runtime_checkable

from scratchgpt.training.objective import AnyObjective

BatchT_co = TypeVar("BatchT_co", covariant=True)


class Batches(Protocol[BatchT_co]):
    """The data source of a training run: batches as its objective takes them.

    Their shapes may differ from batch to batch.
    """

    def train_batch(self, index: int) -> BatchT_co:
        """Micro-batch ``index`` of the run, a pure function of the index.

        So a resumed run sees what an unbroken one sees.
        """
        ...

    def validation_batches(self) -> Iterator[BatchT_co]:
        """The held-out data, the same each time."""
        ...


@runtime_checkable
class PhasedBatches(Batches[BatchT_co], Protocol[BatchT_co]):
    """A data source that makes batches from the parameters as they are at the start of a phase.

    For instance rollouts, or refreshed negatives. A phase lasts ``phase_steps`` updates, and
    checkpoints are written between phases only.

    Attributes
    ----------
    phase_steps : int
        Updates in a phase.
    """

    phase_steps: int

    def begin_phase(self, phase: int, objective: AnyObjective) -> None:
        """Make the batches of the next ``phase_steps`` updates.

        They are a pure function of the parameters, the state of the objective, the phase and a
        seed: a resumed run begins the phase again.

        Parameters
        ----------
        phase : int
            Counted from 0. Its first micro-batch is number ``phase * phase_steps * grad_accum``.
        objective : Objective
            With the parameters at the start of the phase. Its state may be changed here.
        """
        ...
