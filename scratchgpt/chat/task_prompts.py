"""Generated tasks as prompts with exact rewards: addition and sorting."""

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.chat.rollouts import Rollouts
from scratchgpt.errors import UserError, did_you_mean
from scratchgpt.text.tasks.task import Task

REWARDS = ("exact", "share")


class TaskPrompts:
    """The problems of a generated task; those that are held out are the test problems of the task.

    An answer ends with the token that ends it in training, see ``TaskBatches``.

    Parameters
    ----------
    task : Task
    """

    def __init__(self, task: Task) -> None:
        end = task.tokenizer.end_of_text
        assert end is not None  # the tokenizer of a task has one
        self.task = task
        self.ends: tuple[int, ...] = (end,)
        self.max_new_tokens = task.answer_length + 1
        self.vocab_size = task.vocab_size

    def draw(self, n: int, rng: np.random.Generator) -> Array:
        return self.task.draw_training(n, rng)

    def held_out(self) -> Array:
        return self.task.numbers("test")

    def prompts(self, numbers: Array) -> list[Array]:
        return list(self.task.encode(numbers)[0])


class TaskReward:
    """The reward of an answer to a problem of a task, from 0 to 1.

    Parameters
    ----------
    task : Task
    kind : {"exact", "share"}
        1 for the right answer, which must end after its last symbol, and 0 for every other; or the
        share of its symbols and its end that are right.

    Raises
    ------
    UserError
        If there is no such reward.
    """

    def __init__(self, task: Task, kind: str = "exact") -> None:
        check_task_reward(kind)
        self.task = task
        self.kind = kind

    def __call__(self, numbers: Array, rollouts: Rollouts) -> Array:
        right = self.task.encode(numbers)[1]  # (N, A)
        ends = np.full((len(right), 1), self.task.tokenizer.end_of_text)
        right = np.concatenate([right, ends], axis=1)  # (N, A + 1)
        given = np.full_like(right, -1)
        for row, tokens, mask in zip(given, rollouts.tokens, rollouts.counted, strict=True):
            answer = tokens[mask][: len(row)]
            row[: len(answer)] = answer
        shares = (given == right).mean(axis=1)
        return shares if self.kind == "share" else (shares == 1).astype(np.float64)


def check_task_reward(kind: str) -> None:
    """Raise UserError if there is no such reward of a task."""
    if kind not in REWARDS:
        hint = did_you_mean(str(kind), REWARDS)
        raise UserError(f"reward={kind!r} is not one of {', '.join(REWARDS)}{hint}")
