"""The computations of training: one parameter update, and one pass over the validation part."""

import itertools
import math
import time
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import derive_seed, on_host, to_floats
from scratchgpt.errors import UserError
from scratchgpt.memory import Arena
from scratchgpt.optim import clip_scale, global_norm
from scratchgpt.precision import products_in
from scratchgpt.training.agreement import OF_ANOTHER, check_divisible, first_of
from scratchgpt.training.batches import Batches, LimitedBatches
from scratchgpt.training.config import TrainConfig
from scratchgpt.training.diagnosis import MicroBatch, NonFiniteError, find_nonfinite
from scratchgpt.training.feasibility import check_feasible
from scratchgpt.training.freezing import frozen_names
from scratchgpt.training.objective import AnyObjective
from scratchgpt.training.records import check_measures
from scratchgpt.training.sharding import make_optimizer, share_parameters
from scratchgpt.training.signals import Stopped, StopRequest
from scratchgpt.training.workers import ALONE, Workers


class Update(NamedTuple):
    """The result of one update; loss, measures and gradient norm are from before the update.

    The loss is the one that training minimizes, for example with label smoothing.
    """

    loss: float
    lr: float
    grad_norm: float
    tokens_per_s: float
    measures: dict[str, float]


class NotFinite(Exception):
    """The loss or gradient norm is NaN or infinite; keeps the micro-batches.

    ``where`` names the first value that is not finite, if it is already known.
    """

    def __init__(
        self,
        what: str,
        micro_batches: list[MicroBatch],
        grad_norm: float | None,
        where: str | None = None,
    ) -> None:
        super().__init__(what)
        self.where = where
        self.what = what
        self.micro_batches = micro_batches
        self.grad_norm = grad_norm


class NothingToValidate(UserError):
    """The data source has no validation batches."""


class Stepper:
    """Runs an objective forward and backward, and updates the parameters of its model.

    Each micro-batch runs inside the arena, so that only the first one allocates memory.

    Parameters
    ----------
    objective : Objective
    batches : Batches
        Micro-batch i of step s is ``train_batch(s * grad_accum + i)``.
    config : TrainConfig
    workers : Workers

    Attributes
    ----------
    model : Layer
        The model of the objective.
    frozen : set of str
        Names of the frozen parameters.
    stop : StopRequest
        Checked before each micro-batch.

    Raises
    ------
    UserError
        If the configuration does not match the objective, the model or the workers.
    """

    def __init__(
        self,
        objective: AnyObjective,
        batches: Batches[object],
        config: TrainConfig,
        workers: Workers = ALONE,
    ) -> None:
        self.objective = objective
        self.model = model = objective.model
        self.batches = batches
        self.config = config
        self.workers = workers
        check_feasible(objective, config, workers)
        self._on_host = on_host(model.store.values)
        # The workers among which the micro-batches are divided.
        self._share = ALONE if objective.together else workers
        check_divisible(config.grad_accum, self._share.size, objective)
        if objective.together:
            objective.workers = workers
        self.frozen = frozen_names(model.store.named, config.freeze)
        if self.frozen != model.store.frozen:
            model.store.freeze(self.frozen)
        self.optimizer = make_optimizer(model.store, config, workers)
        self.arena = Arena()
        self.stop = StopRequest()

    def update(self, step: int) -> Update:
        """Accumulate the gradient of one big batch, clip it, and update the parameters.

        The loss of the big batch is a mean weighted by ``objective.weight``, so the weights of all
        micro-batches are computed before the first backward pass.

        Raises
        ------
        NotFinite, Stopped
            The parameters are unchanged then.
        """
        began = time.perf_counter()
        config, store, objective = self.config, self.model.store, self.objective
        workers = self.workers
        micro_batches = self._micro_batches(step)
        weights = [float(objective.weight(micro_batch.batch)) for micro_batch in micro_batches]
        counts = {
            "weight": sum(weights),
            "tokens": sum(objective.n_tokens(micro_batch.batch) for micro_batch in micro_batches),
        }
        counts = self._share.total(counts)
        total = counts["weight"] or 1.0
        store.zero_grad()
        shares = ((m, w / total) for m, w in zip(micro_batches, weights, strict=True))
        loss, measures = self._run(objective, shares, backward=True)
        grads = store.grads
        workers.sum(grads)
        with self.arena:
            loss, norm = to_floats(loss, global_norm(grads))  # on a GPU, the only copy to the host
        if not math.isfinite(loss):
            raise NotFinite(f"the loss became {loss}", micro_batches, None)
        if not math.isfinite(norm):
            raise NotFinite(f"the gradient norm became {norm}", micro_batches, norm)
        lr = config.lr_at(step)
        scale = clip_scale(norm, config.grad_clip) if config.grad_clip else 1.0
        # An update may overflow; the next loss or the next checkpoint detects it.
        with self.arena, np.errstate(all="ignore"):
            self.optimizer.step(lr, scale)
        if workers.shards:
            share_parameters(self.optimizer, workers)
        objective.updated(measures)
        return Update(loss, lr, norm, counts["tokens"] / (time.perf_counter() - began), measures)

    def evaluate(self) -> dict[str, float]:
        """Return the mean validation loss as ``val_loss``, and each measure as ``val_NAME``.

        Dropout is off, and the objective is the one for evaluation.

        Raises
        ------
        NothingToValidate
            If the data source has no validation batches.
        NotFinite, Stopped
        """
        objective = self.objective.for_evaluation()
        n_all, n = 0.0, self.config.eval_batches
        if n is not None and isinstance(self.batches, LimitedBatches):
            batches = self.batches.some_validation_batches(n)
        else:
            batches = self.batches.validation_batches()
        rank, size = self._share.rank, self._share.size

        def weighted() -> Iterator[tuple[MicroBatch, float]]:
            nonlocal n_all
            for batch in itertools.islice(batches, rank, n, size):
                weight = float(objective.weight(batch))
                n_all += weight
                yield MicroBatch(batch), weight

        loss, measures = self._run(objective, weighted(), backward=False)
        n_all = self._share.total({"weight": n_all})["weight"]
        if n_all == 0:
            raise NothingToValidate(
                "there are no validation batches; give more text, or set eval_interval=0"
            )
        means = {"val_loss": float(loss) / n_all}
        return means | {f"val_{name}": value / n_all for name, value in measures.items()}

    def check_stop(self) -> None:
        """Raise Stopped if any of the workers received a signal to stop."""
        if self.workers.any(self.stop.signal is not None and not self.stop.deferred):
            raise Stopped

    def diagnose(
        self, error: NotFinite, step: int, *, grad_norm: float | None, checkpoint: str
    ) -> NonFiniteError:
        """Return the error that says where the first value is that is not finite.

        Parameters
        ----------
        error : NotFinite
        step : int
            Updates made.
        grad_norm : float or None
            That of the update before.
        checkpoint : str
            Where the last checkpoint is.
        """
        with products_in(self.config.precision):
            where = error.where or find_nonfinite(self.objective, error.micro_batches)
        found = first_of(self.workers, "" if where == OF_ANOTHER else where)
        config, lr = self.config, self.config.lr_at(step)
        return NonFiniteError(
            error.what,
            step=step,
            lr=lr,
            muon_lr=config.muon_lr_ratio * lr if config.optimizer == "muon" else None,
            grad_norm=grad_norm if error.grad_norm is None else error.grad_norm,
            where=found or where,
            checkpoint=checkpoint,
        )

    def _micro_batches(self, step: int) -> list[MicroBatch]:
        """Return this worker's micro-batches of a step."""
        n, seed = self.config.grad_accum, self.config.seed
        drops = self.objective.drops
        return [
            MicroBatch(
                self.batches.train_batch(index),
                derive_seed(seed, "dropout", index) if drops else None,
            )
            for index in range(step * n + self._share.rank, (step + 1) * n, self._share.size)
        ]

    def _run(
        self,
        objective: AnyObjective,
        weighted: Iterable[tuple[MicroBatch, float]],
        *,
        backward: bool,
    ) -> tuple[Any, dict[str, float]]:
        """Return the weighted sums of loss and measures over the micro-batches of all workers.

        The loss of a model on a GPU stays there.

        If ``backward`` is True, the gradient of the weighted loss is added to the gradients. The
        workers first agree on whether a signal came or a loss is not finite; then all of them
        raise.
        """
        loss: Any = 0.0
        measures = dict[str, float]()
        failure: Stopped | NotFinite | None = None
        try:
            for micro_batch, weight in weighted:
                dloss = weight if backward else None
                value, measured = self._micro_step(objective, micro_batch, dloss)
                loss += weight * value
                for name, measure in measured.items() if weight else ():
                    measures[name] = measures.get(name, 0.0) + weight * float(measure)
        except (Stopped, NotFinite) as error:
            failure = error
        if self.workers.any(isinstance(failure, Stopped)):
            raise Stopped
        if self.workers.any(failure is not None):
            raise failure or NotFinite("a loss is not finite", [], None, OF_ANOTHER)
        measures = self._share.total({**measures, "loss": loss})
        return measures.pop("loss"), measures

    def _micro_step(
        self, objective: AnyObjective, micro_batch: MicroBatch, dloss: float | None
    ) -> tuple[Any, dict[str, float]]:
        """Compute loss and measures of a micro-batch; add ``dloss`` times the gradient if given."""
        if objective.together:
            self.check_stop()  # inside the loss, the workers wait for each other
        else:
            self.stop.check()
        # NaN and infinity are checked here and reported in one line, instead of NumPy's many.
        with self.arena, products_in(self.config.precision), np.errstate(all="ignore"):
            value, measures = objective.run(
                micro_batch.batch, dloss, dropout_seed=micro_batch.dropout_seed
            )
            loss = float(value) if self._on_host else value.astype(np.float64)
            if self._on_host and not math.isfinite(loss):
                raise NotFinite(f"the loss became {loss}", [micro_batch], None)
            if measures:
                check_measures(measures)
        return loss, measures
