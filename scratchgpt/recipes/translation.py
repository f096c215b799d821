"""Translation: an encoder-decoder Transformer is trained on sentence pairs."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from scratchgpt.errors import UserError, counted
from scratchgpt.evaluation import ExactMatch, exact_match
from scratchgpt.generation import translate
from scratchgpt.models import Transformer, TransformerConfig
from scratchgpt.recipes.config import RunConfig
from scratchgpt.recipes.limits import check_memory
from scratchgpt.text import (
    CharacterTokenizer,
    DatesTask,
    PairBatches,
    ParallelText,
    ProgressCallback,
    Tokenizer,
    TokenPairs,
    choose_tokenizer,
    encode_pairs,
    train_bpe,
    training_pairs,
)
from scratchgpt.text.corpora.tokenizer_choice import UntrainedTokenizer
from scratchgpt.text.pairs.parallel_text import Places
from scratchgpt.training import NextToken

DATES = "dates"  # the generated corpus


@dataclass(frozen=True)
class TranslationData:
    """The sentence pairs that a run trains on.

    Attributes
    ----------
    tokenizer : Tokenizer
        One for both languages.
    name : str
        Name of the pairs in messages.
    train, val : TokenPairs
    train_places : Places
        The files and lines of ``train``.
    val_text : ParallelText
        The sentences of ``val``.
    dates : bool
        Whether the pairs are generated dates, each of which has one right translation.
    """

    tokenizer: Tokenizer
    name: str
    train: TokenPairs
    val: TokenPairs
    train_places: Places
    val_text: ParallelText
    dates: bool

    @property
    def fingerprint(self) -> str:
        return f"{self.train.fingerprint} {self.val.fingerprint}"

    def new_model(self, run: RunConfig) -> Transformer:
        assert self.tokenizer.padding is not None
        config = run.model_config(
            TransformerConfig,
            vocab_size=self.tokenizer.vocab_size,
            padding_id=self.tokenizer.padding,
        )
        check_memory(config, n_batch=1)
        return Transformer(config, seed=run.training.seed)

    def objective(self, run: RunConfig, model: Transformer) -> NextToken:
        return NextToken.from_config(model, run.training)

    def batches(self, run: RunConfig, model: Transformer) -> PairBatches:
        """Return batches of the pairs that fit into the model's ``block_size``."""
        block_size = model.config.block_size
        return _batches(
            self.train.within(block_size),
            self.val.within(block_size),
            self.tokenizer,
            tokens_per_batch=run.training.tokens_per_batch,
            seed=run.training.seed,
            val_batches=run.training.eval_batches,
        )

    def describe(self, model: Transformer) -> str:
        text = (
            f"{len(self.train):,} training and {counted(len(self.val), 'validation pair')} of "
            f"{self.name} ({self.tokenizer.kind}, "
            f"{counted(self.tokenizer.vocab_size, 'token')} for both languages)"
        )
        block_size = model.config.block_size
        parts = (self.train, self.train_places), (self.val, self.val_text.places)
        longer = [part.longer_than(block_size, places) for part, places in parts]
        if n_long := sum(n for n, _ in longer):
            first = next(place for _, place in longer if place)
            text += (
                f", without {n_long:,} that are longer than block_size={block_size} "
                f"(the first is {first})"
            )
        return text

    def sample(self, model: Transformer, seed: int) -> str:
        """Return a validation sentence, its translation by the model, and its reference."""
        fitting = np.flatnonzero(self.val.widths[0] <= model.config.block_size)
        row = int(fitting[seed % len(fitting)])
        source = self.val_text.source[row]
        [translation] = translate(model, self.tokenizer, [source])
        return (
            f"source       {source}\ntranslation  {translation}\n"
            f"reference    {self.val_text.target[row]}"
        )

    def evaluate(self, model: Transformer) -> dict[str, float]:
        """Score greedy translations by exact match, if each sentence has one right translation."""
        if not self.dates:
            return {}
        return {"exact_match": match_dates(model, self.tokenizer, n_beams=1).fraction}


def open_translation(run: RunConfig, progress: ProgressCallback | None = None) -> TranslationData:
    """Read the pairs of a run and train its tokenizer, or generate its dates.

    Raises
    ------
    UserError
        If the pairs cannot be read, or the tokenizer cannot encode them.
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
    return TranslationData(
        tokenizer, name, train, val, texts[0].places, texts[1], run.corpus == (DATES,)
    )


def match_dates(
    model: Transformer, tokenizer: Tokenizer, *, n_beams: int, alpha: float = 0.6
) -> ExactMatch:
    """Translate the held-out dates, and compare with their references."""
    pairs = DatesTask().pairs("test")
    given = translate(model, tokenizer, pairs.source, n_beams=n_beams, alpha=alpha)
    return exact_match(
        [f"{source} -> {date}" for source, date in zip(pairs.source, given, strict=True)],
        [f"{source} -> {date}" for source, date in zip(pairs.source, pairs.target, strict=True)],
    )


def losses(
    model: Transformer, tokenizer: Tokenizer, pairs: TokenPairs, tokens_per_batch: int
) -> Iterator[tuple[float, int]]:
    """Return mean loss and number of tokens per batch, for pairs that fit into the model."""
    batches = _batches(pairs, pairs, tokenizer, tokens_per_batch=tokens_per_batch, seed=0)
    return NextToken(model).losses(batches.validation_batches())


def _batches(
    train: TokenPairs,
    val: TokenPairs,
    tokenizer: Tokenizer,
    *,
    tokens_per_batch: int,
    seed: int,
    val_batches: int | None = None,
) -> PairBatches:
    assert tokenizer.end_of_text is not None
    assert tokenizer.padding is not None
    return PairBatches(
        train,
        val,
        tokens_per_batch=tokens_per_batch,
        seed=seed,
        end_of_text=tokenizer.end_of_text,
        padding=tokenizer.padding,
        val_batches=val_batches,
    )


def _tokenizer(spec: str, train: ParallelText, val: ParallelText) -> Tokenizer:
    """Return one tokenizer for both languages, with end-of-text and padding tokens."""
    choice = choose_tokenizer(spec)
    if isinstance(choice, UntrainedTokenizer):
        if choice.bpe_size is not None:
            return train_bpe([*train.source, *train.target], choice.bpe_size, padding=True)
        sides = (*train.source, *train.target, *val.source, *val.target)
        return CharacterTokenizer("".join(sides), end_of_text=True, padding=True)
    if choice.end_of_text is None or choice.padding is None:
        raise UserError(
            f"tokenizer={spec!r} has no padding or no end-of-text token, but translation needs "
            "both; choose bpe:8000 or characters, or leave it out"
        )
    return choice
