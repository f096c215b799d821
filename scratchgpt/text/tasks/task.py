"""The base class of generated tasks: short problems with exact answers."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from functools import cached_property
from typing import ClassVar

import numpy as np

from scratchgpt.arguments import plain
from scratchgpt.backend import Array, random_stream
from scratchgpt.errors import UserError, counted, did_you_mean
from scratchgpt.ops.cross_entropy import IGNORE_INDEX
from scratchgpt.text.batches import TokenBatch, check_positive, evenly_spread
from scratchgpt.text.tokenizers.characters import CharacterTokenizer

SPLITS = ("train", "test")
TEST_SHARE = 10  # one problem in TEST_SHARE is held out for testing
MOST_PROBLEMS = 20_000  # from a task with more problems, a fixed sample of this size is listed
FEWEST_PROBLEMS = 100  # with fewer problems, the test split might be empty


@dataclass(frozen=True)
class Task(ABC):
    """Problems of one length: prompts with one correct answer each, in characters.

    Problems are numbered from 0. A hash of its number decides whether a problem is for training or
    for testing. The hash does not depend on a seed, so anyone can test a model later on problems
    that it has not seen.

    Attributes
    ----------
    name : str
    alphabet : str
        The characters of the problems.
    n_problems : int
        The number of problems for training and testing together.
    prompt_length, answer_length : int
        P and A, in tokens. In training, an ``<|endoftext|>`` follows the answer, so that generation
        stops there.
    """

    name: ClassVar[str]

    def __post_init__(self) -> None:
        if self.n_problems < FEWEST_PROBLEMS:
            raise UserError(
                f"task={self.spec!r} has only {counted(self.n_problems, 'different problem')}, "
                "too few to hold out some for testing; make it larger"
            )
        if self.n_problems >= 2**63:
            raise UserError(f"task={self.spec!r} has too many different problems; make it smaller")

    @property
    @abstractmethod
    def alphabet(self) -> str: ...

    @property
    @abstractmethod
    def n_problems(self) -> int: ...

    @property
    @abstractmethod
    def prompt_length(self) -> int: ...

    @property
    @abstractmethod
    def answer_length(self) -> int: ...

    @abstractmethod
    def encode(self, numbers: Array) -> tuple[Array, Array]:
        """Encode problems, given by their numbers (N,): prompts (N, P) and answers (N, A)."""

    @property
    def spec(self) -> str:
        """The task as a string, ``addition:2`` or ``sort:6:3``, for :func:`task_from_spec`."""
        return ":".join([self.name, *(str(getattr(self, field.name)) for field in fields(self))])

    @property
    def block_size(self) -> int:
        """The context length T that a model needs: a prompt and its answer."""
        return self.prompt_length + self.answer_length

    @cached_property
    def tokenizer(self) -> CharacterTokenizer:
        """The tokenizer of problems and answers."""
        return CharacterTokenizer(self.alphabet, end_of_text=True)

    @property
    def vocab_size(self) -> int:
        return self.tokenizer.vocab_size

    def is_test(self, numbers: Array) -> Array:
        """Whether problems are for testing, by a hash of their numbers (N,): bool (N,)."""
        return held_out(self._same_question(numbers))

    def _same_question(self, numbers: Array) -> Array:
        """Map equivalent problems to one number, so that they are in the same split."""
        return numbers

    def numbers(self, split: str) -> Array:
        """Return the numbers of the problems of one split, an int64 array (N,) in rising order.

        If the task has more than MOST_PROBLEMS problems, return those of a fixed random sample.

        Parameters
        ----------
        split : {"train", "test"}
        """
        if split not in SPLITS:
            raise UserError(f"split={split!r} must be train or test{did_you_mean(split, SPLITS)}")
        if self.n_problems <= MOST_PROBLEMS:
            numbers = np.arange(self.n_problems)
        else:
            rng = random_stream(0, "problems", self.spec)
            numbers = np.unique(rng.integers(0, self.n_problems, MOST_PROBLEMS))
        return numbers[self.is_test(numbers) == (split == "test")]

    def problems(self, split: str) -> tuple[Array, Array]:
        """Return prompts (N, P) and answers (N, A) of one split as tokens; see :meth:`numbers`."""
        return self.encode(self.numbers(split))

    def draw_training(self, n: int, rng: np.random.Generator) -> Array:
        """Draw ``n`` training problems at random, each as probable as any other: int64 (n,)."""
        numbers = np.empty(0, np.int64)
        while len(numbers) < n:
            drawn = rng.integers(0, self.n_problems, 2 * n)
            numbers = np.append(numbers, drawn[~self.is_test(drawn)])
        return numbers[:n]

    def batches(self, batch_size: int, seed: int, val_batches: int | None = None) -> "TaskBatches":
        """Create the batches for training; see :class:`TaskBatches`."""
        return TaskBatches(self, batch_size=batch_size, seed=seed, val_batches=val_batches)

    def texts(self, prompts: Iterable[Array], answers: Iterable[Array]) -> list[str]:
        """Format N prompts (P,), each followed by its answer (A,), as N texts.

        Tokens that are not characters of the task become U+FFFD.
        """
        spelling = dict(enumerate(self.tokenizer.characters))
        return [
            "".join(spelling.get(int(token), "\ufffd") for token in (*prompt, *answer))
            for prompt, answer in zip(prompts, answers, strict=True)
        ]


class TaskBatches:
    """Batches of a generated task, as int64 arrays (B, T): tokens and next tokens.

    A row is a prompt and its answer. The targets are the answer and the ``<|endoftext|>`` after it.
    The tokens within the prompt are random, so their targets are -100, which the loss ignores.

    Parameters
    ----------
    task : Task
    batch_size : int
    seed : int
        The random seed for the training problems.
    val_batches : int, optional
        Maximum number of validation batches, evenly spaced; by default, all test problems are used.

    Raises
    ------
    UserError
        If a size is below 1.
    """

    def __init__(
        self, task: Task, *, batch_size: int, seed: int, val_batches: int | None = None
    ) -> None:
        check_positive(batch_size=batch_size, val_batches=val_batches)
        self.task = task
        self.batch_size = plain(batch_size)
        self.seed = plain(seed)
        self.val_batches = plain(val_batches)

    def train_batch(self, index: int) -> TokenBatch:
        """Training problems at random, each as probable as any other."""
        rng = random_stream(self.seed, "train batch", index)
        return self._rows(self.task.draw_training(self.batch_size, rng))

    def validation_batches(self) -> Iterator[TokenBatch]:
        """Test problems in order, each once; the last batch may be smaller."""
        numbers = self.task.numbers("test")
        return self.some_validation_batches(self.val_batches or len(numbers))

    def some_validation_batches(self, n: int) -> Iterator[TokenBatch]:
        """At most ``n`` batches of evenly spaced test problems."""
        numbers = self.task.numbers("test")
        numbers = numbers[evenly_spread(len(numbers), n * self.batch_size)]
        for first in range(0, len(numbers), self.batch_size):
            yield self._rows(numbers[first : first + self.batch_size])

    def _rows(self, numbers: Array) -> TokenBatch:
        prompts, answers = self.task.encode(numbers)
        ends = np.full((len(numbers), 1), self.task.tokenizer.end_of_text)
        tokens = np.concatenate([prompts, answers], axis=1)  # (B, T)
        targets = np.concatenate([tokens[:, 1:], ends], axis=1)  # (B, T)
        targets[:, : prompts.shape[1] - 1] = IGNORE_INDEX
        return TokenBatch(tokens, targets)


def held_out(numbers: Array, share: int = TEST_SHARE) -> Array:
    """Whether numbers (N,) are held out for testing, one in ``share``, by a hash: bool (N,)."""
    return _hash(numbers) % np.uint64(share) == 0


def _hash(numbers: Array) -> Array:
    """Return the numbers of the SplitMix64 sequence at the given positions.

    Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators".
    """
    x = (numbers.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
