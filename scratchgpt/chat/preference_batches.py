"""Preferences as tokens, and batches of them for reward models and for DPO."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from scratchgpt.arguments import plain
from scratchgpt.backend import Array
from scratchgpt.chat.conversation_batches import check_widths
from scratchgpt.chat.preferences import Preferences
from scratchgpt.chat.rendering import Renderer
from scratchgpt.errors import UserError, counted
from scratchgpt.text.batches import check_positive
from scratchgpt.text.length_batches import LengthBatches


class Group(NamedTuple):
    """The preferences among the answers to one prompt, as tokens.

    Attributes
    ----------
    tokens : list of int64 arrays (T,)
        The prompt and an answer, for each answer.
    counted : list of bool arrays (T,)
        The tokens of the answer and its end.
    pairs : int array (P, 2)
        The better answer and the other.
    margins, weights : float64 arrays (P,)
        The weights sum to 1, so that every prompt counts as much.
    """

    tokens: list[Array]
    counted: list[Array]
    pairs: Array
    margins: Array
    weights: Array


@dataclass(frozen=True)
class EncodedPreferences:
    """Groups of preferences.

    Attributes
    ----------
    groups : list of Group
    most : int
        Maximum number of tokens of a prompt and an answer.
    kept : sequence of int
        The indices of the groups among the preferences that they were rendered from.
    n_shortened : int
        Number of prompts whose oldest turns are left out because they do not fit.
    n_too_long : int
        Number of prompts that are left out because their last turn and its answers do not fit.
    """

    groups: Sequence[Group]
    most: int
    kept: Sequence[int] = ()
    n_shortened: int = 0
    n_too_long: int = 0

    def __len__(self) -> int:
        return len(self.groups)

    @property
    def n_answers(self) -> int:
        return sum(len(group.tokens) for group in self.groups)

    @property
    def n_pairs(self) -> int:
        return sum(len(group.pairs) for group in self.groups)

    @property
    def widths(self) -> Array:
        """The positions of each prompt if all prompts had the most answers, (number of prompts,).

        Any prompts whose widths have a sum below a limit then make a batch below this limit.
        """
        most = max(len(group.tokens) for group in self.groups)
        return np.array([most * max(map(len, group.tokens)) for group in self.groups], np.int64)

    @property
    def fingerprint(self) -> str:
        """A hash of all tokens and preferences."""
        digest = hashlib.sha256()
        for tokens, mask, *numbers in self.groups:
            for row, each in zip(tokens, mask, strict=True):
                digest.update(len(row).to_bytes(8, "little"))
                digest.update(row.astype("<u4").tobytes() + each.tobytes())
            for array in numbers:
                digest.update(np.asarray(array, "<f8").tobytes())
        return digest.hexdigest()

    @property
    def notes(self) -> str:
        """Say how many prompts are longer than the model, for the end of a line."""
        told = []
        if self.n_shortened:
            told.append(f"the oldest turns of {counted(self.n_shortened, 'prompt')}")
        if self.n_too_long:
            told.append(counted(self.n_too_long, "whole prompt"))
        size = counted(self.most, "token")
        return f"; left out to fit {size}: {' and '.join(told)}" if told else ""


def encode_preferences(
    preferences: Sequence[Preferences], renderer: Renderer, most: int
) -> EncodedPreferences:
    """Render preferences in at most ``most`` tokens per answer.

    All answers to a prompt get the same part of it. The oldest turns of a longer prompt are left
    out. If its last turn and the longest answer do not fit, the whole prompt is left out.

    Raises
    ------
    UserError
        If nothing fits.
    """
    groups: list[Group] = []
    kept = []
    n_shortened = 0
    for index, one in enumerate(preferences):
        answers = [renderer.answer(text) for text in one.answers]
        try:
            prompt = renderer.prompt(one.prompt, most - max(map(len, answers)))
        except UserError as error:
            raise UserError(f"prompt {index + 1:,}: {error}") from None
        if len(prompt.tokens) + max(map(len, answers)) > most:
            continue
        kept.append(index)
        n_shortened += prompt.n_dropped > 0
        rows = [np.concatenate([prompt.tokens, each]) for each in answers]
        masks = [np.arange(len(row)) >= len(prompt.tokens) for row in rows]
        weights = np.array(one.weights, np.float64)
        groups.append(
            Group(
                rows,
                masks,
                np.array(one.pairs, np.int64).reshape(-1, 2),
                np.array(one.margins, np.float64),
                weights / weights.sum(),
            )
        )
    if not groups:
        raise UserError(
            f"none of {counted(len(preferences), 'prompt')} and its answers fits a model of "
            f"{counted(most, 'token')}; choose a model with a larger block_size"
        )
    return EncodedPreferences(groups, most, kept, n_shortened, len(preferences) - len(groups))


class PreferenceBatch(NamedTuple):
    """Answers with their prompts, and the preferences among them.

    Attributes
    ----------
    tokens : int64 array (N, T)
    counted : bool array (N, T)
        The tokens of the answers.
    lengths : int64 array (N,)
    rows : int64 array (N,)
        Number of each answer among those of the training part and then of the validation part.
    winners, losers : int64 arrays (P,)
        Indices of the answers of each pair in the batch.
    margins, weights : float64 arrays (P,)
        The weights of each prompt sum to 1.
    n_prompts : int
    """

    tokens: Array
    counted: Array
    lengths: Array
    rows: Array
    winners: Array
    losers: Array
    margins: Array
    weights: Array
    n_prompts: int

    @property
    def shares(self) -> Array:
        """The share of each pair in the mean over the prompts, (P,)."""
        return self.weights / self.n_prompts


class PreferenceBatches:
    """Batches of prompts with all their answers, see :class:`scratchgpt.text.LengthBatches`.

    The answers to a prompt are in one batch, as in appendix C.2 of Ouyang et al. 2022,
    arXiv:2203.02155: each is computed once for all pairs that it belongs to.

    Parameters
    ----------
    train, val : EncodedPreferences
        At least one prompt each.
    tokens_per_batch : int
        Maximum number of positions of a batch, with padding.
    seed : int
    val_batches : int, optional
        Maximum number of validation batches, evenly spread over all lengths; by default all.

    Raises
    ------
    UserError
        If the answers to a prompt take more than ``tokens_per_batch``, or a size is below 1.
    """

    def __init__(
        self,
        train: EncodedPreferences,
        val: EncodedPreferences,
        *,
        tokens_per_batch: int,
        seed: int,
        val_batches: int | None = None,
    ) -> None:
        check_positive(tokens_per_batch=tokens_per_batch, val_batches=val_batches)
        self.train = train
        self.val = val
        self.val_batches = plain(val_batches)
        most = plain(tokens_per_batch)
        self._train, self._val = (
            LengthBatches(check_widths(part.widths, most, "prompt"), most, plain(seed))
            for part in (train, val)
        )
        self._first = _first_rows(train, 0), _first_rows(val, train.n_answers)

    @property
    def batches_per_epoch(self) -> int:
        """The number of batches of an epoch, which has each prompt once."""
        return len(self._train)

    @property
    def n_answers(self) -> int:
        """The number of answers of both parts."""
        return self.train.n_answers + self.val.n_answers

    def train_batch(self, index: int) -> PreferenceBatch:
        """The batch of a step, a function of ``index`` and the seed alone."""
        return _stack(self.train, self._train.rows(index), self._first[0])

    def validation_batches(self) -> Iterator[PreferenceBatch]:
        """All prompts of the validation part, or ``val_batches`` batches of them."""
        return self.some_validation_batches(self.val_batches or len(self._val))

    def some_validation_batches(self, n: int) -> Iterator[PreferenceBatch]:
        """At most ``n`` of the validation batches, evenly spread over all lengths."""
        for chosen in self._val.some_rows(n):
            yield _stack(self.val, chosen, self._first[1])

    def all_batches(self) -> Iterator[PreferenceBatch]:
        """Iterate over both parts, with each prompt once."""
        for chosen in self._train.some_rows(len(self._train)):
            yield _stack(self.train, chosen, self._first[0])
        yield from self.some_validation_batches(len(self._val))


def _stack(part: EncodedPreferences, chosen: Array, first_rows: Array) -> PreferenceBatch:
    groups = [part.groups[i] for i in chosen]
    texts = [row for group in groups for row in group.tokens]
    masks = [row for group in groups for row in group.counted]
    lengths = np.array([len(row) for row in texts], np.int64)
    tokens = np.zeros((len(texts), lengths.max()), np.int64)
    mask = np.zeros(tokens.shape, bool)
    for i, n in enumerate(lengths):
        tokens[i, :n], mask[i, :n] = texts[i], masks[i]
    sizes = np.array([len(group.tokens) for group in groups])
    before = np.cumsum(sizes) - sizes  # of each group, the answers above it in the batch
    pairs = np.concatenate([group.pairs + n for group, n in zip(groups, before, strict=True)])
    within = np.arange(len(texts)) - np.repeat(before, sizes)
    return PreferenceBatch(
        tokens,
        mask,
        lengths,
        np.repeat(first_rows[chosen], sizes) + within,
        pairs[:, 0],
        pairs[:, 1],
        np.concatenate([group.margins for group in groups]),
        np.concatenate([group.weights for group in groups]),
        len(groups),
    )


def _first_rows(part: EncodedPreferences, start: int) -> Array:
    sizes = np.array([len(group.tokens) for group in part.groups], np.int64)
    return start + np.cumsum(sizes) - sizes
