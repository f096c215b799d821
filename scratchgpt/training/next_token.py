"""The objective of a language model, and of a translation model: the token that follows."""

from copy import copy
from typing import Any

import numpy as np

from scratchgpt.models import GPT, Transformer
from scratchgpt.ops.cross_entropy import IGNORE_INDEX
from scratchgpt.text.batches import TokenBatch
from scratchgpt.text.pairs.pair_batches import PairBatch
from scratchgpt.training.config import TrainConfig
from scratchgpt.training.objective import Objective


class NextToken(Objective[TokenBatch | PairBatch, Any]):
    """Mean cross-entropy of the token that follows, in nats per counted token.

    Parameters
    ----------
    model : GPT or Transformer
        A GPT takes a TokenBatch, a Transformer a PairBatch.
    label_smoothing : float
        The share of each target that is spread over the whole vocabulary, in training only.
    recompute : bool
        Keep only the inputs of the blocks, and compute the rest again in the backward pass.
    """

    unit = "nats per token"

    def __init__(
        self, model: GPT | Transformer, *, label_smoothing: float = 0.0, recompute: bool = False
    ) -> None:
        self.model: Any = model  # either kind; its backward gets what its own loss saved
        self.label_smoothing = label_smoothing
        self.recompute = recompute
        self.drops = model.config.dropout > 0

    @classmethod
    def from_config(cls, model: GPT | Transformer, config: TrainConfig) -> "NextToken":
        """The objective with the label smoothing and recomputation of a training run."""
        return cls(model, label_smoothing=config.label_smoothing, recompute=config.recompute)

    def weight(self, batch: TokenBatch | PairBatch) -> float:
        """How many targets count."""
        return float(np.count_nonzero(batch[-1] != IGNORE_INDEX))

    def n_tokens(self, batch: TokenBatch | PairBatch) -> int:
        """What the model reads, padding included."""
        return sum(array.size for array in batch[:-1])

    def loss(
        self, batch: TokenBatch | PairBatch, *, dropout_seed: int | None = None
    ) -> tuple[Any, Any]:
        return self.model.loss(
            *batch,
            label_smoothing=self.label_smoothing,
            dropout_seed=dropout_seed,
            recompute=self.recompute,
        )

    def loss_backward(self, dloss: float, saved: Any) -> None:
        self.model.loss_backward(dloss, saved, in_place=True)

    def for_evaluation(self) -> "NextToken":
        """The same without label smoothing."""
        other = copy(self)
        other.label_smoothing = 0.0
        return other
