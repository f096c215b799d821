"""What a training run needs of its data, whatever it trains."""

from typing import Protocol, TypeVar

from scratchgpt.recipes.config import RunConfig
from scratchgpt.text import Tokenizer
from scratchgpt.training import Batches
from scratchgpt.training.model import Model

M = TypeVar("M", bound=Model)  # the model that is trained on the data


class RunData(Protocol[M]):
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

    def batches(self, run: RunConfig, model: M) -> Batches:
        """Return the batches that the trainer trains and validates on."""

    def describe(self, model: M) -> str:
        """Say in a few words what the model is trained on."""

    def sample(self, model: M, seed: int) -> str:
        """Return some output of the model, for a person to look at."""

    def evaluate(self, model: M) -> dict[str, float]:
        """Score the model on held-out data; empty if the validation loss says enough."""
