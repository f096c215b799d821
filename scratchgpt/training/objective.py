"""Objectives: a model, a loss of its outputs, and the backward pass of that loss."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, Protocol, TypeAlias, TypeVar

import numpy as np

from scratchgpt.layers import Layer, Parameter
from scratchgpt.training.workers import ALONE, Workers

BatchT_contra = TypeVar("BatchT_contra", contravariant=True)
SavedT = TypeVar("SavedT")

# State of an objective that a checkpoint keeps: JSON values and float arrays.
State: TypeAlias = dict[str, Any]


class Objective(Protocol[BatchT_contra, SavedT]):
    """A loss and its backward pass, which a Trainer minimizes. Subclass it for your own loss.

    ``model``, :meth:`weight`, :meth:`loss` and :meth:`loss_backward` are required, the rest is
    optional. A batch is a NamedTuple of arrays, or any other object that the data source makes:
    the trainer does not use its contents.

    Attributes
    ----------
    model : Layer
        Owns all trained parameters, so that one flat store and one optimizer suffice: heads, a
        temperature or a value network are attributes of it. Its parameters must be initialized. A
        frozen reference model is not part of it.
    splits : bool
        Whether the loss of a big batch is the weighted mean of the losses of its micro-batches. A
        contrastive loss, whose negatives are the other rows of the batch, does not split;
        ``grad_accum`` must then be 1.
    whole_because : str
        Why the loss does not split, for the error message; a clause.
    together : bool
        Whether all workers compute the loss of the same batch together. Then :meth:`loss` and
        :meth:`loss_backward` use ``workers``: the loss is the same for all workers, and the sum
        over the workers of the gradients that they add is the gradient. Otherwise each worker
        computes the losses of its own micro-batches.
    workers : Workers
        The processes that train together; a trainer sets it if ``together`` is True.
    drops : bool
        Whether :meth:`loss` uses the dropout seed. If not, no seed is derived.
    unit : str
        Unit of the loss, for its plot.
    on_gpu : bool
        Whether the model may be on a GPU: the loss is then an array of CuPy, which is read once per
        step. Batches stay in host memory.

    See Also
    --------
    scratchgpt.verify.check_model : proves the backward pass of an objective.

    Examples
    --------
    >>> from scratchgpt.training import Objective
    >>> class Lower(Objective):
    ...     '''The mean of the squared logits: not useful, but it has a gradient.'''
    ...     def __init__(self, model):
    ...         self.model = model
    ...     def weight(self, batch):
    ...         return batch.tokens.size
    ...     def loss(self, batch, *, dropout_seed=None):
    ...         logits, saved = self.model.forward(batch.tokens, dropout_seed=dropout_seed)
    ...         return (logits * logits).mean(), (logits, saved)
    ...     def loss_backward(self, dloss, saved):
    ...         logits, of_model = saved
    ...         self.model.backward(dloss * 2 * logits / logits.size, of_model)
    """

    model: Layer
    splits: bool = True
    whole_because: str = ""
    together: bool = False
    workers: Workers = ALONE
    drops: bool = True
    unit: str = ""
    on_gpu: bool = False

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Iterate over names and parameters that the loss depends on: those of the model."""
        return self.model.named_parameters()

    @abstractmethod
    def weight(self, batch: BatchT_contra) -> float:
        """Return the weight of this batch in a big batch, for example its number of targets.

        The loss of a big batch is the mean of the losses of its micro-batches with these weights. A
        batch with weight 0 contributes nothing.
        """
        ...

    def n_tokens(self, batch: BatchT_contra) -> int:
        """Return the number of tokens that the model reads, to display tokens per second.

        The default is the size of the first array of the batch.
        """
        return int(np.size(batch[0]))  # type: ignore[index]

    @abstractmethod
    def loss(self, batch: BatchT_contra, *, dropout_seed: int | None = None) -> tuple[Any, SavedT]:
        """Return the mean loss of a batch, and what the backward pass needs.

        The loss is a scalar in the dtype of the model: converting it to a Python float would lose
        the complex step of :func:`scratchgpt.verify.check_model`. The method must not change state,
        because evaluations and the diagnosis of a NaN call it too.

        Parameters
        ----------
        batch
        dropout_seed : int, optional
            None disables dropout (evaluation mode).
        """
        ...

    @abstractmethod
    def loss_backward(self, dloss: float, saved: SavedT) -> None:
        """Add ``dloss`` times the gradient of the loss to the gradients of the parameters.

        It is called at most once for each ``saved``, so it may overwrite the arrays in ``saved``.
        """
        ...

    def measures(self, saved: SavedT) -> dict[str, float]:
        """Return further means to log and display, by name: accuracy, KL divergence, reward margin.

        They are averaged with the weights of the batches. The method is called before
        :meth:`loss_backward`, in training and in validation. Each call must return the same names.
        """
        return {}

    def run(
        self, batch: BatchT_contra, dloss: float | None = None, *, dropout_seed: int | None = None
    ) -> tuple[Any, dict[str, float]]:
        """Return loss and measures of a batch; also add the gradient if ``dloss`` is given.

        The trainer calls this method, which calls :meth:`loss`, :meth:`measures` and
        :meth:`loss_backward`. Override it if loss and gradient together take less memory or time
        than one after the other.

        Parameters
        ----------
        batch
        dloss : float, optional
            As in :meth:`loss_backward`; None in evaluation.
        dropout_seed : int, optional
            As in :meth:`loss`.
        """
        loss, saved = self.loss(batch, dropout_seed=dropout_seed)
        measures = self.measures(saved)
        if dloss is not None:
            self.loss_backward(dloss, saved)
        return loss, measures

    def updated(self, measures: Mapping[str, float]) -> None:
        """Change the state after an update; the trainer calls this after each update.

        Parameters
        ----------
        measures : dict of str to float
            Measures of the whole step, the same for all workers.
        """
        return

    def state(self) -> State:
        """Return the state to save besides the parameters, by name: JSON values, float arrays."""
        return {}

    def load_state(self, state: State) -> None:
        """Restore what :meth:`state` returned."""
        if state:
            raise NotImplementedError(f"{type(self).__name__} has a state() but no load_state()")

    def for_evaluation(self) -> "Objective[BatchT_contra, SavedT]":
        """Return the objective for validation, for example without label smoothing."""
        return self


# The types of batches and saved values do not matter: the trainer only passes them on.
AnyObjective: TypeAlias = Objective[Any, Any]
