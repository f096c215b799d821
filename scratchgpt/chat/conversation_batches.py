"""Conversations as tokens and masks, and batches of them for supervised fine-tuning."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from scratchgpt.arguments import plain
from scratchgpt.backend import Array
from scratchgpt.chat.messages import Conversation
from scratchgpt.chat.rendering import Renderer
from scratchgpt.errors import UserError, counted
from scratchgpt.ops.cross_entropy import IGNORE_INDEX
from scratchgpt.text.batches import TokenBatch, check_positive
from scratchgpt.text.length_batches import LengthBatches


@dataclass(frozen=True)
class EncodedConversations:
    """Conversations as rows of tokens, with the tokens that count.

    Attributes
    ----------
    tokens : list of int64 arrays (T,)
    counted : list of bool arrays (T,)
    n_shortened : int
        Number of conversations whose oldest turns are left out because they do not fit.
    n_too_long : int
        Number of conversations that are left out because their last turn does not fit.
    """

    tokens: Sequence[Array]
    counted: Sequence[Array]
    n_shortened: int = 0
    n_too_long: int = 0

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def n_tokens(self) -> int:
        return sum(map(len, self.tokens))

    @property
    def n_counted(self) -> int:
        return sum(int(row.sum()) for row in self.counted)

    @property
    def fingerprint(self) -> str:
        """A hash of all tokens and masks."""
        digest = hashlib.sha256()
        for tokens, mask in zip(self.tokens, self.counted, strict=True):
            digest.update(len(tokens).to_bytes(8, "little"))
            digest.update(tokens.astype("<u4").tobytes())
            digest.update(mask.tobytes())
        return digest.hexdigest()

    def notes(self, block_size: int) -> str:
        """Say how many conversations are longer than the model, for the end of a line."""
        told = []
        if self.n_shortened:
            told.append(f"the oldest turns of {counted(self.n_shortened, 'conversation')}")
        if self.n_too_long:
            told.append(counted(self.n_too_long, "whole conversation"))
        return f"; left out to fit block_size={block_size}: {' and '.join(told)}" if told else ""


def encode_conversations(
    conversations: Sequence[Conversation], renderer: Renderer, block_size: int
) -> EncodedConversations:
    """Render conversations for a model that reads ``block_size`` tokens.

    The last token is only predicted, so a row may have one token more. The oldest turns of a longer
    conversation are left out. If its last turn does not fit, or no answer is left, the whole
    conversation is left out, because a cut answer would teach the model to stop within one.

    Raises
    ------
    UserError
        If no conversation fits.
    """
    most = block_size + 1
    rendered = []
    for number, messages in enumerate(conversations, start=1):
        try:
            rendered.append(renderer.render(messages, most))
        except UserError as error:
            raise UserError(f"conversation {number:,}: {error}") from None
    kept = [one for one in rendered if len(one.tokens) <= most and one.counted.any()]
    if not kept:
        shortest = min((len(one.tokens) for one in rendered), default=0)
        raise UserError(
            f"none of {counted(len(rendered), 'conversation')} fits block_size={block_size}; the "
            f"last turn of the shortest takes {counted(max(shortest - 1, 0), 'token')}"
        )
    return EncodedConversations(
        [one.tokens for one in kept],
        [one.counted for one in kept],
        sum(one.n_dropped > 0 for one in kept),
        len(rendered) - len(kept),
    )


class ConversationBatches:
    """Batches of conversations of about the same length.

    :class:`scratchgpt.text.LengthBatches` chooses them.
    The targets are the next tokens, or -100 if they do not count. Padding is at the end of a row.

    Parameters
    ----------
    train, val : EncodedConversations
        At least one conversation each.
    tokens_per_batch : int
        Maximum number of positions of a batch, with padding.
    seed : int
    val_batches : int, optional
        Maximum number of validation batches, evenly spread over all lengths; by default all.

    Raises
    ------
    UserError
        If a conversation is longer than ``tokens_per_batch``, or a size is below 1.
    """

    def __init__(
        self,
        train: EncodedConversations,
        val: EncodedConversations,
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
            LengthBatches(check_widths(_widths(part), most, "conversation"), most, plain(seed))
            for part in (train, val)
        )

    @property
    def batches_per_epoch(self) -> int:
        """The number of batches of an epoch, which has each conversation once."""
        return len(self._train)

    def train_batch(self, index: int) -> TokenBatch:
        """The batch of a step, a function of ``index`` and the seed alone."""
        return stack_rows(self.train, self._train.rows(index))

    def validation_batches(self) -> Iterator[TokenBatch]:
        """All conversations of the validation part, or ``val_batches`` batches of them."""
        return self.some_validation_batches(self.val_batches or len(self._val))

    def some_validation_batches(self, n: int) -> Iterator[TokenBatch]:
        """At most ``n`` of the validation batches, evenly spread over all lengths."""
        for rows in self._val.some_rows(n):
            yield stack_rows(self.val, rows)


def stack_rows(conversations: EncodedConversations, rows: Array) -> TokenBatch:
    """Stack conversations: tokens and targets (B, T)."""
    width = max(len(conversations.tokens[row]) for row in rows) - 1
    tokens = np.zeros((len(rows), width), np.int64)
    targets = np.full((len(rows), width), IGNORE_INDEX)
    for line, row in enumerate(rows):
        ids, mask = conversations.tokens[row], conversations.counted[row]
        tokens[line, : len(ids) - 1] = ids[:-1]
        targets[line, : len(ids) - 1] = np.where(mask[1:], ids[1:], IGNORE_INDEX)
    return TokenBatch(tokens, targets)


def check_widths(widths: Array, tokens_per_batch: int, noun: str) -> Array:
    """Raise UserError if a row takes more positions than a batch may have; return the widths."""
    if widths.max() > tokens_per_batch:
        raise UserError(
            f"tokens_per_batch={tokens_per_batch} is too small for the longest {noun}, which takes "
            f"{widths.max()} positions; choose at least {widths.max()}"
        )
    return widths


def _widths(conversations: EncodedConversations) -> Array:
    return np.array([len(row) - 1 for row in conversations.tokens], np.int64)
