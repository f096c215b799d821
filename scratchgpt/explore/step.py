"""The training step to record: a model, its loss, one row of a batch, and the update after it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from scratchgpt.backend import Array, derive_seed
from scratchgpt.errors import UserError, counted
from scratchgpt.layers.parameters import ParameterStore
from scratchgpt.models import GPT, Transformer
from scratchgpt.ops.cross_entropy import IGNORE_INDEX
from scratchgpt.optim import Optimizer
from scratchgpt.text import PairBatch, TokenBatch, Tokenizer
from scratchgpt.training import NextToken, TrainConfig
from scratchgpt.training.sharding import make_optimizer
from scratchgpt.training.step import Stepper
from scratchgpt.training.workers import ALONE

MOST_TOKENS = 16


@dataclass(frozen=True)
class OptimizerState:
    """The optimizer of a run before the update.

    Attributes
    ----------
    config : TrainConfig
        The settings of the run.
    moments : dict of str to array
        Its moments by parameter, such as ``exp_avg.NAME``.
    n_steps : int
        Updates made before this one.
    """

    config: TrainConfig
    moments: dict[str, Array]
    n_steps: int

    @property
    def lr(self) -> float:
        """The learning rate of this update; with Muon, that of its AdamW."""
        return self.config.lr_at(self.n_steps)

    def restored(self, store: ParameterStore) -> Optimizer:
        """Return the optimizer, with copies of the moments."""
        optimizer = make_optimizer(store, self.config, ALONE)
        for name, moment in optimizer.named_moments().items():
            moment[...] = self.moments[name]
        optimizer.n_steps = self.n_steps
        return optimizer


@dataclass(frozen=True)
class Step:
    """One training step of one text.

    Attributes
    ----------
    model : GPT or Transformer
        In float32.
    objective : NextToken
        Its loss of the batch.
    batch : TokenBatch or PairBatch
        One row: tokens and targets (1, T); for a Transformer also the source (1, S).
    dropout_seed : int or None
    spell : callable
        ``spell(token)`` is the text of a token.
    title : str
        What the step is, for the head of the page.
    notes : tuple of str
        What was cropped or changed, in sentences.
    optimizer : OptimizerState or None
        None if the model has no optimizer.
    """

    model: GPT | Transformer
    objective: NextToken
    batch: TokenBatch | PairBatch
    dropout_seed: int | None
    spell: Callable[[int], str]
    title: str
    notes: tuple[str, ...] = ()
    optimizer: OptimizerState | None = None

    @property
    def tokens(self) -> Array:
        """The tokens (T,) that the model reads; of a Transformer, those of the target."""
        row: Array = self.batch[-2][0]
        return row

    @property
    def source(self) -> Array | None:
        """The tokens (S,) of the source of a Transformer."""
        return self.batch.source[0] if isinstance(self.batch, PairBatch) else None

    @property
    def targets(self) -> Array:
        """The next tokens (T,); those that do not count are -100."""
        row: Array = self.batch[-1][0]
        return row


def step_of_run(
    stepper: Stepper,
    step: int,
    tokenizer: Tokenizer,
    title: str,
    *,
    most_tokens: int = MOST_TOKENS,
    text: "TokenBatch | PairBatch | None" = None,
) -> Step:
    """Return the step that a training run takes next, cropped to one row of few tokens.

    Parameters
    ----------
    stepper : Stepper
        With the parameters and the moments of the run.
    step : int
        Updates made so far.
    tokenizer : Tokenizer
    title : str
    most_tokens : int
    text : TokenBatch or PairBatch, optional
        A row to take instead of that of the run.

    Raises
    ------
    UserError
        If the run does not train a GPT or a Transformer to predict tokens.
    """
    model, config, optimizer = stepper.model, stepper.config, stepper.optimizer
    if not isinstance(model, GPT | Transformer) or not isinstance(stepper.objective, NextToken):
        advice = ""
        if isinstance(model, GPT):
            advice = "; for a step on a text, name the folder of its model, last/, and give --text"
        raise UserError(
            f"a step of {type(stepper.objective).__name__} cannot be shown; only steps that "
            f"predict the next token of a GPT or a translator can{advice}"
        )
    index = step * config.grad_accum
    notes = []
    if text is None:
        batch = stepper.batches.train_batch(index)
        assert isinstance(batch, TokenBatch | PairBatch)
        n_rows = len(batch[0])
        row, cropped = first_row(batch, most_tokens)
        if n_rows > 1 or config.grad_accum > 1:
            of = f"{counted(n_rows, 'row')} of the batch"
            of += f" (micro-batch 1 of {config.grad_accum})" if config.grad_accum > 1 else ""
            notes.append(f"The page shows the first of the {of}.")
        notes += cropped
    else:
        row = text
        notes.append("The text is yours; it is not from the training data of the run.")
    if config.precision != "float32":
        notes.append(f"The run multiplies in {config.precision}; this page computes in float32.")
    if step >= config.steps:
        notes.append(f"The run is finished after {counted(step, 'step')}; this step would be next.")
    if config.lr_at(step) == 0:
        notes.append("The learning rate is 0 at this step, so the update changes no parameter.")
    seed = derive_seed(config.seed, "dropout", index) if stepper.objective.drops else None
    moments = {name: moment.copy() for name, moment in optimizer.named_moments().items()}
    state = OptimizerState(config, moments, step)
    objective = NextToken(model, label_smoothing=config.label_smoothing)
    return Step(model, objective, row, seed, speller(tokenizer), title, tuple(notes), state)


def first_row(
    batch: TokenBatch | PairBatch, most_tokens: int
) -> tuple[TokenBatch | PairBatch, list[str]]:
    """Return the first row of a batch without padding, cropped; and what was cropped, in words.

    If no target within the first tokens counts, the row is cropped at its other end.
    """
    row = type(batch)(*(x[:1] for x in batch))
    notes = []
    counted_at = np.flatnonzero(row.targets[0] != IGNORE_INDEX)
    n = int(counted_at[-1]) + 1 if counted_at.size else row.targets.shape[1]
    first = 0
    if counted_at.size and counted_at[0] >= most_tokens:
        first = int(counted_at[0]) - most_tokens + 1
    part = slice(first, min(n, first + most_tokens))
    if part.stop - part.start < n:
        notes.append(
            f"The row has {counted(n, 'token')}; the page shows those from {part.start + 1} to "
            f"{part.stop}. Loss and gradients are of these."
        )
    if isinstance(row, TokenBatch):
        return TokenBatch(row.tokens[:, part], row.targets[:, part]), notes
    width = _without_padding(row.source[0])
    if width > most_tokens:
        notes.append(
            f"The source has {counted(width, 'token')}; the page shows the first {most_tokens}."
        )
    source = row.source[:, : min(width, most_tokens)]
    return PairBatch(source, row.target[:, part], row.targets[:, part]), notes


def _without_padding(row: Array) -> int:
    """Return the length of a row whose end repeats its last token as padding."""
    n = len(row)
    while n > 1 and row[n - 2] == row[-1]:
        n -= 1
    return n


def speller(tokenizer: Tokenizer) -> Callable[[int], str]:
    """Return a function that spells a token for display."""
    special = {tokenizer.end_of_text: "⟨end⟩", tokenizer.padding: "⟨pad⟩"}

    def spell(token: int) -> str:
        if token in special:
            return special[token]
        try:
            return tokenizer.decode([token]) or f"⟨{token}⟩"
        except UserError:  # a padding row of the table
            return f"⟨{token}⟩"

    return spell
