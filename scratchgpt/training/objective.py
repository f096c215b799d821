"""What is trained: a model, a loss of its outputs, and the backward pass of that loss."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, Protocol, TypeAlias, TypeVar

import numpy as np

from scratchgpt.layers import Layer, Parameter

BatchT_contra = TypeVar("BatchT_contra", contravariant=True)
SavedT = TypeVar("SavedT")

# What an objective may keep over a resume: values as JSON has them, and float arrays.
State: TypeAlias = dict[str, Any]


class Objective(Protocol[BatchT_contra, SavedT]):
    """A loss and its backward pass: what a Trainer makes small. Subclass it for one of your own.

    ``model``, :meth:`weight`, :meth:`loss` and :meth:`loss_backward` are all that one needs. A
    batch is a NamedTuple of arrays, or whatever else the data source makes: the trainer does not
    look into it.

    Attributes
    ----------
    model : Layer
        Owns all parameters that are trained (heads, a temperature, a value network are its
        attributes), so that there is one flat store and one optimizer. Its parameters have been
        initialized. A frozen reference model is not part of it.
    splits : bool
        Whether the loss of a big batch is the weighted mean of the losses of its micro-batches. A
        contrastive loss, whose negatives are the other rows of the batch, does not split;
        ``grad_accum`` must then be 1.
    drops : bool
        Whether :meth:`loss` uses the dropout seed. If not, none is derived.

    unit : str
        Of the loss, for its plot.

    See Also
    --------
    scratchgpt.verify.check_model : proves the backward pass of an objective.

    Examples
    --------
    >>> from scratchgpt.training import Objective
    >>> class Lower(Objective):
    ...     '''The mean of the squared logits: a loss without a point, but with a gradient.'''
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
    drops: bool = True
    unit: str = ""

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """The parameters that the loss is a function of, with their names: those of the model."""
        return self.model.named_parameters()

    @abstractmethod
    def weight(self, batch: BatchT_contra) -> float:
        """This batch's share of a big batch, for instance how many of its targets count.

        The loss of a big batch is the mean of its micro-batches' losses with these weights. A batch
        of weight 0 contributes nothing.
        """
        ...

    def n_tokens(self, batch: BatchT_contra) -> int:
        """How many tokens the model reads, for the display of tokens per second.

        By default the size of the first array of the batch.
        """
        return int(np.size(batch[0]))  # type: ignore[index]

    @abstractmethod
    def loss(self, batch: BatchT_contra, *, dropout_seed: int | None = None) -> tuple[Any, SavedT]:
        """The mean loss of a batch, and what its backward pass needs.

        The loss is a scalar in the dtype of the model; converting it to a Python float would hide
        the complex step of :func:`scratchgpt.verify.check_model`. The method changes no state: the
        diagnosis of a NaN and evaluations call it too.

        Parameters
        ----------
        batch
        dropout_seed : int, optional
            None is evaluation mode: nothing is dropped.
        """
        ...

    @abstractmethod
    def loss_backward(self, dloss: float, saved: SavedT) -> None:
        """Add ``dloss`` times the gradient of the loss to the gradients of the parameters.

        It is called at most once for each ``saved``, so it may overwrite the arrays in it.
        """
        ...

    def measures(self, saved: SavedT) -> dict[str, float]:
        """Further means to log and show by name: accuracy, KL divergence, reward margin.

        They are averaged with the weights of the batches. Called before :meth:`loss_backward`, for
        training and for validation; each call returns the same names.
        """
        return {}

    def updated(self, measures: Mapping[str, float]) -> None:
        """Called after each update of the parameters: the place to change state.

        Parameters
        ----------
        measures : dict of str to float
            Those of the whole step, the same for all workers.
        """
        return

    def state(self) -> State:
        """What must survive a resume beside the parameters, by name: JSON values, float arrays."""
        return {}

    def load_state(self, state: State) -> None:
        """Restore what :meth:`state` returned."""
        if state:
            raise NotImplementedError(f"{type(self).__name__} has a state() but no load_state()")

    def for_evaluation(self) -> "Objective[BatchT_contra, SavedT]":
        """The objective to validate with, for instance without label smoothing."""
        return self


# Whatever its batches are and whatever it saves: the trainer only hands both on.
AnyObjective: TypeAlias = Objective[Any, Any]
