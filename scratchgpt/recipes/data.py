"""The protocol for the data of a training run."""

from typing import Any, Protocol, TypeVar

from scratchgpt.models import Model
from scratchgpt.recipes.config import RunConfig
from scratchgpt.text import Tokenizer
from scratchgpt.training import Batches, Objective

M = TypeVar("M", bound=Model[Any])  # the model that is trained
B = TypeVar("B")  # the batches that it is trained on


class RunData(Protocol[M, B]):
    """The data of a run, and the operations that a run needs on data and model.

    Attributes
    ----------
    tokenizer : Tokenizer
        Saved with the model.
    fingerprint : str
        Identifies the data, so that a run is not resumed on other data.
    """

    @property
    def tokenizer(self) -> Tokenizer: ...

    @property
    def fingerprint(self) -> str: ...

    def new_model(self, run: RunConfig) -> M:
        """Make the model that the run describes, with the vocabulary of the data."""
        ...

    def objective(self, run: RunConfig, model: M) -> Objective[B, Any]:
        """Return the training objective; only the objective uses what its forward pass saves."""
        ...

    def batches(self, run: RunConfig, model: M) -> Batches[B]:
        """Return the batches that the model is trained and validated on."""
        ...

    def describe(self, model: M) -> str:
        """Describe the training data in a few words."""
        ...

    def sample(self, model: M, seed: int) -> str:
        """Return a sample of the model's output, for a person to read."""
        ...

    def evaluate(self, model: M) -> dict[str, float]:
        """Score the model on held-out data; empty if the validation loss is the only score."""
        ...
