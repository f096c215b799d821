"""The objective of language models and translation models: next-token prediction."""

from collections.abc import Iterable, Iterator
from copy import copy
from typing import Any

import numpy as np

from scratchgpt.memory import Arena
from scratchgpt.models import GPT, Transformer
from scratchgpt.ops.cross_entropy import IGNORE_INDEX
from scratchgpt.text.batches import TokenBatch
from scratchgpt.text.pairs.pair_batches import PairBatch
from scratchgpt.training.config import TrainConfig
from scratchgpt.training.objective import Objective

SEPARATE = ("loss", "loss_backward", "measures")  # the methods that Objective.run calls


class NextToken(Objective[TokenBatch | PairBatch, Any]):
    """Mean cross-entropy of the next token, in nats per counted token.

    Parameters
    ----------
    model : GPT or Transformer
        A GPT takes a TokenBatch, a Transformer a PairBatch.
    label_smoothing : float
        Share of the target's probability that is spread over the whole vocabulary, in training
        only.
    recompute : bool
        Save only the inputs of the blocks, and recompute the rest in the backward pass.
    """

    unit = "nats per token"
    on_gpu = True

    def __init__(
        self, model: GPT | Transformer, *, label_smoothing: float = 0.0, recompute: bool = False
    ) -> None:
        self.model: Any = model  # either kind; backward gets what the loss of the model saved
        self.label_smoothing = label_smoothing
        self.recompute = recompute
        self.drops = model.drops

    def __init_subclass__(cls, **settings: Any) -> None:
        """Run a subclass through its own loss and measures, which :meth:`run` does not call."""
        super().__init_subclass__(**settings)
        if "run" not in vars(cls) and not vars(cls).keys().isdisjoint(SEPARATE):
            cls.run = Objective.run  # type: ignore[method-assign]

    @classmethod
    def from_config(cls, model: GPT | Transformer, config: TrainConfig) -> "NextToken":
        """Return the objective with the label smoothing and recomputation of a training run."""
        return cls(model, label_smoothing=config.label_smoothing, recompute=config.recompute)

    def weight(self, batch: TokenBatch | PairBatch) -> float:
        """Return the number of targets that count."""
        return float(np.count_nonzero(batch[-1] != IGNORE_INDEX))

    def n_tokens(self, batch: TokenBatch | PairBatch) -> int:
        """Return the number of tokens that the model reads, padding included."""
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

    def run(
        self,
        batch: TokenBatch | PairBatch,
        dloss: float | None = None,
        *,
        dropout_seed: int | None = None,
    ) -> tuple[Any, dict[str, float]]:
        """Return the loss, and no measures; also add the gradient if ``dloss`` is given.

        The result is that of :meth:`loss` and :meth:`loss_backward`, up to rounding. But all logits
        are never in memory together, and without ``dloss`` nothing is kept for a backward pass.
        """
        model, (*inputs, targets) = self.model, batch
        x, saved = model.hidden(
            *inputs, dropout_seed=dropout_seed, recompute=self.recompute or dloss is None
        )
        loss, dx = model.lm_head.loss_in_pieces(
            x, targets, dloss, label_smoothing=self.label_smoothing
        )
        if dx is not None:
            model.hidden_backward(dx, saved)
        return loss, {}

    def losses(
        self, batches: Iterable[TokenBatch] | Iterable[PairBatch]
    ) -> Iterator[tuple[float, int]]:
        """Yield the mean loss and the number of counted tokens of each batch, for an evaluation."""
        arena = Arena()
        for batch in batches:
            with arena:
                loss = float(self.run(batch)[0])
            yield loss, int(self.weight(batch))

    def for_evaluation(self) -> "NextToken":
        """Return the same objective without label smoothing."""
        other = copy(self)
        other.label_smoothing = 0.0
        return other
