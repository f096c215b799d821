"""The generated tasks of minGPT: addition and sorting."""

from dataclasses import dataclass, fields
from typing import ClassVar

import numpy as np

from scratchgpt.arguments import plain_fields
from scratchgpt.backend import Array
from scratchgpt.errors import UserError, did_you_mean
from scratchgpt.text.tasks.task import Task

SYMBOLS = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class AdditionTask(Task):
    """Sums of two numbers: ``85+50=531`` means 85 + 50 = 135.

    The digits of the sum are in reverse order, as in minGPT. Carries propagate from right to left,
    so each digit follows from two digits of the problem and the previous carry, while the leading
    digit would need the whole sum. All numbers are padded with zeros: ``05+07=210`` means 012.

    ``85+50`` and ``50+85`` are equivalent, so both are for training or both are for testing.

    Parameters
    ----------
    n_digits : int
        Number of digits of each summand, 1 to 9; the sum has one more.

    Raises
    ------
    UserError
        If ``n_digits`` is out of range.

    Examples
    --------
    >>> task = AdditionTask(n_digits=2)
    >>> task.spec, task.prompt_length, task.answer_length, task.block_size
    ('addition:2', 6, 3, 9)
    >>> prompts, answers = task.encode(np.array([8550]))
    >>> task.tokenizer.decode(prompts[0]), task.tokenizer.decode(answers[0])
    ('85+50=', '531')
    """

    name: ClassVar[str] = "addition"

    n_digits: int = 2

    def __post_init__(self) -> None:
        plain_fields(self)
        if not 1 <= self.n_digits <= 9:
            raise UserError(f"addition cannot have {self.n_digits}-digit numbers; choose 1 to 9")
        super().__post_init__()

    @property
    def alphabet(self) -> str:
        return "0123456789+="

    @property
    def n_problems(self) -> int:
        return 10 ** (2 * self.n_digits)

    @property
    def prompt_length(self) -> int:
        return 2 * self.n_digits + 2

    @property
    def answer_length(self) -> int:
        return self.n_digits + 1

    def encode(self, numbers: Array) -> tuple[Array, Array]:
        n = self.n_digits
        a, b = np.divmod(numbers, 10**n)
        digit_tokens = self.tokenizer.encode("0123456789")
        plus, equals = self.tokenizer.encode("+=")
        prompts = np.full((len(numbers), self.prompt_length), equals)
        prompts[:, :n] = digit_tokens[_digits(a, 10, n)]
        prompts[:, n] = plus
        prompts[:, n + 1 : -1] = digit_tokens[_digits(b, 10, n)]
        return prompts, digit_tokens[_digits(a + b, 10, n + 1)[:, ::-1]]

    def _same_question(self, numbers: Array) -> Array:
        a, b = np.divmod(numbers, 10**self.n_digits)
        return np.minimum(a, b) * 10**self.n_digits + np.maximum(a, b)


@dataclass(frozen=True)
class SortTask(Task):
    """Sequences of symbols to sort: ``120021>001122``.

    minGPT has no separator between a problem and its answer. Here, ``>`` marks the start of the
    answer for human readers.

    Parameters
    ----------
    length : int
        Number of symbols, 1 to 62.
    n_symbols : int
        Number of different symbols, 2 to 36: the digits, then letters.

    Raises
    ------
    UserError
        If a size is out of range, or the number of problems is below 100 or at least 2 to the 63rd.

    Examples
    --------
    >>> task = SortTask(length=6, n_symbols=3)
    >>> task.spec, task.n_problems, task.block_size
    ('sort:6:3', 729, 13)
    >>> prompts, answers = task.encode(np.array([int("120021", base=3)]))
    >>> task.tokenizer.decode(prompts[0]), task.tokenizer.decode(answers[0])
    ('120021>', '001122')
    """

    name: ClassVar[str] = "sort"

    length: int = 6
    n_symbols: int = 3

    def __post_init__(self) -> None:
        plain_fields(self)
        if not 1 <= self.length <= 62:
            raise UserError(f"sort cannot have {self.length} symbols; choose 1 to 62")
        if not 2 <= self.n_symbols <= len(SYMBOLS):
            raise UserError(
                f"sort cannot have {self.n_symbols} different symbols; choose 2 to {len(SYMBOLS)}"
            )
        super().__post_init__()

    @property
    def alphabet(self) -> str:
        return SYMBOLS[: self.n_symbols] + ">"

    @property
    def n_problems(self) -> int:
        return self.n_symbols**self.length

    @property
    def prompt_length(self) -> int:
        return self.length + 1

    @property
    def answer_length(self) -> int:
        return self.length

    def encode(self, numbers: Array) -> tuple[Array, Array]:
        symbols = _digits(numbers, self.n_symbols, self.length)
        symbol_tokens = self.tokenizer.encode(SYMBOLS[: self.n_symbols])
        (arrow,) = self.tokenizer.encode(">")
        prompts = np.full((len(numbers), self.prompt_length), arrow)
        prompts[:, :-1] = symbol_tokens[symbols]
        return prompts, symbol_tokens[np.sort(symbols, axis=1)]


TASKS: dict[str, type[AdditionTask] | type[SortTask]] = {
    "addition": AdditionTask,
    "sort": SortTask,
}


def task_from_spec(spec: str) -> AdditionTask | SortTask:
    """Create a task from a string, such as ``addition:3`` or ``sort:6:3``.

    Omitted sizes, as in ``addition``, ``sort`` or ``sort:6``, default to those of minGPT.

    Raises
    ------
    UserError
        If the task does not exist, or its sizes are invalid.
    """
    name, *sizes = spec.split(":")
    if name not in TASKS:
        hint = did_you_mean(name, TASKS) or f"; choose one of {', '.join(TASKS)}"
        raise UserError(f"there is no task {name!r}{hint}")
    task = TASKS[name]
    names = [field.name for field in fields(task)]
    # More than 20 digits are out of every range, and Python does not parse more than 4,300 digits.
    if len(sizes) > len(names) or not all(
        s.isascii() and s.isdecimal() and len(s) <= 20 for s in sizes
    ):
        form = ":".join([name, *(n.upper() for n in names)])
        raise UserError(f"task={spec!r} is invalid; write {form} with numbers")
    return task(*map(int, sizes))


def _digits(numbers: Array, base: int, n: int) -> Array:
    """Split numbers (N,) into ``n`` digits each, the leading one first: (N, n)."""
    return numbers[:, None] // base ** np.arange(n)[::-1] % base
