"""The data of a translation run: sentence pairs from files or by name, or generated dates."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from scratchgpt.cli.exact_match import exact_dates
from scratchgpt.cli.recipes import DATES
from scratchgpt.cli.run_config import RunConfig
from scratchgpt.errors import UserError
from scratchgpt.generation import translate
from scratchgpt.models import Transformer, TransformerConfig
from scratchgpt.text import (
    CharacterTokenizer,
    DatesTask,
    ExactMatch,
    PairBatches,
    ParallelText,
    Tokenizer,
    TokenPairs,
    choose_tokenizer,
    encode_pairs,
    train_bpe,
    training_pairs,
)
from scratchgpt.text.corpora.tokenizer_choice import UntrainedTokenizer


@dataclass(frozen=True)
class TranslationData:
    """What a translation run trains on.

    Attributes
    ----------
    tokenizer : Tokenizer
        Of both languages together.
    name : str
        What to call the pairs.
    train, val : TokenPairs
    val_text : ParallelText
        The sentences of ``val``.
    dates : bool
        Whether they are generated dates, of which each has one right translation.
    """

    verb: ClassVar[str] = "translate"  # of the command that uses the model

    tokenizer: Tokenizer
    name: str
    train: TokenPairs
    val: TokenPairs
    val_text: ParallelText
    dates: bool

    @property
    def fingerprint(self) -> str:
        """Names the data, so that a run is not resumed on other data."""
        return f"{self.train.fingerprint} {self.val.fingerprint}"

    def new_model(self, run: RunConfig) -> Transformer:
        """The model that the run describes, for this vocabulary."""
        assert self.tokenizer.padding is not None
        config = run.model_config(
            vocab_size=self.tokenizer.vocab_size, padding_id=self.tokenizer.padding
        )
        assert isinstance(config, TransformerConfig)
        return Transformer(config, seed=run.training.seed)

    def batches(self, run: RunConfig, model: Transformer) -> PairBatches:
        """The batches of the run, of the pairs that the model has positions for."""
        block_size = model.config.block_size
        assert self.tokenizer.end_of_text is not None
        assert self.tokenizer.padding is not None
        return PairBatches(
            self.train.within(block_size),
            self.val.within(block_size),
            tokens_per_batch=run.training.tokens_per_batch,
            seed=run.training.seed,
            end_of_text=self.tokenizer.end_of_text,
            padding=self.tokenizer.padding,
            val_batches=run.training.eval_batches,
        )

    def describe(self, model: Transformer) -> str:
        """What there is, and what of it is too long for the model, in a few words."""
        text = (
            f"{len(self.train):,} pairs of {self.name} to train and {len(self.val):,} to validate "
            f"({self.tokenizer.kind}, {self.tokenizer.vocab_size:,} tokens for both languages)"
        )
        block_size = model.config.block_size
        n_long = sum(len(part) - len(part.within(block_size)) for part in (self.train, self.val))
        if n_long:
            text += f", without {n_long:,} that are longer than block_size={block_size}"
        return text

    def sample(self, model: Transformer, seed: int) -> str:
        """A sentence to validate with, its translation by the model, and the right one."""
        fitting = np.flatnonzero(self.val.widths[0] <= model.config.block_size)
        row = int(fitting[seed % len(fitting)])
        source = self.val_text.source[row]
        [translation] = translate(model, self.tokenizer, [source])
        return (
            f"source       {source}\ntranslation  {translation}\n"
            f"reference    {self.val_text.target[row]}"
        )

    def exact_match(self, model: Transformer) -> ExactMatch | None:
        """How often the model is right, where there are right answers."""
        return exact_dates(model, self.tokenizer) if self.dates else None


def open_translation(run: RunConfig) -> TranslationData:
    """Read the pairs of a run and learn its tokenizer, or make its dates.

    Raises
    ------
    UserError
        If the pairs cannot be read, or the tokenizer cannot spell them.
    """
    if run.corpus == (DATES,):
        task = DatesTask()
        texts = task.pairs("train"), task.pairs("val")
        tokenizer: Tokenizer = task.tokenizer
    else:
        texts = training_pairs(run.corpus, run.val_fraction)
        tokenizer = _tokenizer(run.tokenizer, *texts)
    train, val = (encode_pairs(text, tokenizer) for text in texts)
    name = " and ".join(run.corpus)
    return TranslationData(tokenizer, name, train, val, texts[1], run.corpus == (DATES,))


def _tokenizer(spec: str, train: ParallelText, val: ParallelText) -> Tokenizer:
    """One vocabulary for both languages, with an end of text and padding."""
    choice = choose_tokenizer(spec)
    if isinstance(choice, UntrainedTokenizer):
        if choice.bpe_size is not None:
            return train_bpe([*train.source, *train.target], choice.bpe_size, padding=True)
        sides = (*train.source, *train.target, *val.source, *val.target)
        return CharacterTokenizer("".join(sides), end_of_text=True, padding=True)
    if choice.end_of_text is None or choice.padding is None:
        raise UserError(
            f"tokenizer={spec!r} has no padding or no end of text, which translation needs; "
            "choose bpe:8000 or characters, or leave it out"
        )
    return choice
