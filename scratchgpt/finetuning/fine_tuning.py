r"""The objective of GPT-1's fine-tuning: the loss of the labels and that of the language model.

Radford et al. 2018, equation 5:

.. math:: L_3 = L_2 + \lambda\, L_1

:math:`L_2` is the mean loss of the labels: the cross-entropy, or the squared error of a score. The
language-model loss :math:`L_1` is, as in the published code, the mean over the sequences of the
mean cross-entropy of the next tokens of a sequence, the special tokens included.
"""

from typing import Any, NamedTuple

from scratchgpt.backend import Array
from scratchgpt.finetuning.batches import LabeledBatch
from scratchgpt.models import GPTClassifier, GPTClassifierSaved, Outputs
from scratchgpt.ops.cross_entropy import (
    CrossEntropySaved,
    cross_entropy_backward,
    cross_entropy_forward,
)
from scratchgpt.training import Objective


class ScoreSaved(NamedTuple):
    gaps: Array  # (B, 1)


class FineTuningSaved(NamedTuple):
    model: GPTClassifierSaved
    label: CrossEntropySaved | ScoreSaved
    next_tokens: CrossEntropySaved | None
    weights: Array | None  # of the next tokens in their mean, (N,)
    lm_loss: Any


class FineTuning(Objective[LabeledBatch, FineTuningSaved]):
    """Fine-tuning of a GPT on labels, with the language model as an auxiliary objective.

    ``config.lm_weight`` of the model is the weight of the language-model loss. The loss of a big
    batch is the mean over its examples.

    Parameters
    ----------
    model : GPTClassifier
    recompute : bool
        Save only the inputs of the blocks, and recompute the rest in the backward pass.
    """

    model: GPTClassifier

    def __init__(self, model: GPTClassifier, *, recompute: bool = False) -> None:
        self.model = model
        self.recompute = recompute
        self.drops = model.drops or model.config.classifier_dropout > 0
        self.unit = "" if model.config.is_score else "nats"

    def weight(self, batch: LabeledBatch) -> float:
        """Return the number of examples."""
        return len(batch.targets)

    def loss(
        self, batch: LabeledBatch, *, dropout_seed: int | None = None
    ) -> tuple[Any, FineTuningSaved]:
        weight = self.model.config.lm_weight
        outputs, model = self.model.forward(
            batch.tokens,
            batch.lengths,
            language_model=weight > 0,
            dropout_seed=dropout_seed,
            recompute=self.recompute,
        )
        loss, label = self._label_loss(outputs.logits, batch.targets)
        if outputs.next_tokens is None:
            return loss, FineTuningSaved(model, label, None, None, None)
        rows, places = model.places
        targets = batch.tokens.reshape(-1, batch.tokens.shape[-1])[rows, places + 1]  # (N,)
        n_targets = batch.lengths.reshape(-1) - 1  # (R,)
        weights = 1 / (n_targets[rows] * len(n_targets))  # (N,)
        weights = weights.astype(outputs.next_tokens.real.dtype)
        losses, next_tokens = cross_entropy_forward(outputs.next_tokens, targets, reduction="none")
        lm_loss = (weights * losses).sum()
        saved = FineTuningSaved(model, label, next_tokens, weights, lm_loss)
        return loss + weight * lm_loss, saved

    def loss_backward(self, dloss: float, saved: FineTuningSaved) -> None:
        dlogits = self._label_loss_backward(dloss, saved.label)
        dnext_tokens = None
        if saved.next_tokens is not None and saved.weights is not None:
            dnext_tokens = cross_entropy_backward(
                dloss * self.model.config.lm_weight * saved.weights,
                saved.next_tokens,
                dlogits_out=saved.next_tokens.logits,
            )
        self.model.backward(Outputs(dlogits, dnext_tokens), saved.model)

    def measures(self, saved: FineTuningSaved) -> dict[str, float]:
        """Return the accuracy, or the squared error of the score; and the language-model loss."""
        if isinstance(saved.label, ScoreSaved):
            squares = (saved.label.gaps * self.model.config.spread) ** 2
            measures = {"squared_error": float(squares.mean())}
        else:
            right = saved.label.logits.argmax(axis=-1) == saved.label.targets
            measures = {"accuracy": float(right.mean())}
        if saved.lm_loss is not None:
            measures["lm_loss"] = float(saved.lm_loss)
        return measures

    def _label_loss(
        self, logits: Array, targets: Array
    ) -> tuple[Any, CrossEntropySaved | ScoreSaved]:
        if not self.model.config.is_score:
            return cross_entropy_forward(logits, targets)
        gaps = logits - targets[:, None].astype(logits.dtype)
        return (gaps * gaps).sum() / gaps.size, ScoreSaved(gaps)

    def _label_loss_backward(self, dloss: float, saved: CrossEntropySaved | ScoreSaved) -> Array:
        if isinstance(saved, CrossEntropySaved):
            return cross_entropy_backward(dloss, saved)
        return saved.gaps * (2 * dloss / saved.gaps.size)
