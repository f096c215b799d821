"""What a training run needs of its data, whatever it trains."""

from typing import Any, Protocol, TypeVar

from scratchgpt.models import Model
from scratchgpt.recipes.config import RunConfig
from scratchgpt.text import Tokenizer
from scratchgpt.training import Batches, Objective

M = TypeVar("M", bound=Model[Any])  # the model that is trained
B = TypeVar("B")  # the batches that it is trained on


class RunData(Protocol[M, B]):
    """The data of a run, and what a run does with it and with a model.

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
        """Return what the model is trained for; only the objective knows what it saves."""
        ...

    def batches(self, run: RunConfig, model: M) -> Batches[B]:
        """Return the batches that the model is trained and validated on."""
        ...

    def describe(self, model: M) -> str:
        """Say in a few words what the model is trained on."""
        ...

    def sample(self, model: M, seed: int) -> str:
        """Return some output of the model, for a person to look at."""
        ...

    def evaluate(self, model: M) -> dict[str, float]:
        """Score the model on held-out data; empty if the validation loss says enough."""
        ...
