"""Data sources: the protocols that supply the batches of a training run."""

from collections.abc import Iterator
from typing import Protocol, TypeVar, runtime_checkable

from scratchgpt.training.objective import AnyObjective

BatchT_co = TypeVar("BatchT_co", covariant=True)


class Batches(Protocol[BatchT_co]):
    """Data source of a training run: supplies the batches that the objective takes.

    Shapes may differ from batch to batch.
    """

    def train_batch(self, index: int) -> BatchT_co:
        """Return micro-batch ``index`` of the run, a pure function of the index.

        A resumed run therefore sees the same batches as an uninterrupted one.
        """
        ...

    def validation_batches(self) -> Iterator[BatchT_co]:
        """Iterate over the held-out data; every call gives the same batches.

        With ``eval_batches``, only the first batches are used, unless the data source is one of
        :class:`LimitedBatches`.
        """
        ...


@runtime_checkable
class LimitedBatches(Batches[BatchT_co], Protocol[BatchT_co]):
    """Data source that chooses the validation batches of an evaluation with ``eval_batches``.

    If the batches are ordered, for example by length, the first ones do not represent them all.
    """

    def some_validation_batches(self, n: int) -> Iterator[BatchT_co]:
        """Iterate over at most ``n`` batches that represent the held-out data."""
        ...


@runtime_checkable
class PhasedBatches(Batches[BatchT_co], Protocol[BatchT_co]):
    """Data source that computes batches from the parameters at the start of a phase.

    Examples are rollouts and refreshed negatives. A phase lasts ``phase_steps`` updates.
    Checkpoints are written between phases only.

    Attributes
    ----------
    phase_steps : int
        Updates per phase.
    """

    phase_steps: int

    def begin_phase(self, phase: int, objective: AnyObjective) -> None:
        """Compute the batches of the next ``phase_steps`` updates.

        The batches are a pure function of the parameters, the state of the objective, the phase
        and a seed, because a resumed run begins the phase again.

        Parameters
        ----------
        phase : int
            Number of the phase, from 0. Its first micro-batch has the index
            ``phase * phase_steps * grad_accum``.
        objective : Objective
            The objective, with the parameters at the start of the phase. This method may change the
            state of the objective.
        """
        ...
