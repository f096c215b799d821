"""Requests with constraints that can be checked: a number of words, an ending, a missing letter.

The conversations for supervised fine-tuning obey all constraints in about two of five answers, so
that there is something to learn from rewards.
"""

import itertools
from typing import NamedTuple

import numpy as np

from scratchgpt.backend import Array, random_stream
from scratchgpt.chat.messages import ASSISTANT, USER, Message
from scratchgpt.errors import counted
from scratchgpt.text.tasks.task import held_out

CONSTRAINTS = "constraints"  # the name of these conversations on the command line
N_CONVERSATIONS = 4000
OBEYING = 0.35  # of the answers on purpose; others obey by accident
ADJECTIVES = ("small", "old", "kind", "bright", "gray", "warm", "brown", "lost", "quiet", "clever")
NOUNS = ("birds", "dogs", "cats", "trees", "clouds", "ships", "bells", "rivers", "fish", "lambs")
VERBS = ("sing", "run", "sleep", "fall", "turn", "wait", "move", "jump", "drift", "grow")
ADVERBS = ("slowly", "today", "again", "there", "up", "north", "often", "still", "much", "below")
WORDS = frozenset((*ADJECTIVES, *NOUNS, *VERBS, *ADVERBS))
ENDINGS = ("", "!", "?")
LETTERS = ("", "a", "e", "i", "o")
COUNTS = (2, 3, 4, 5, 6, 7)


class Constraint(NamedTuple):
    """What an answer must be.

    Attributes
    ----------
    n_words : int
    letter : str
        A letter that does not occur; empty if all letters may.
    ending : str
        The last character; empty for a period, a question mark or an exclamation mark.
    """

    n_words: int
    letter: str
    ending: str

    def __str__(self) -> str:
        letter = f" without the letter {self.letter}" if self.letter else ""
        ending = f", ending in {self.ending}" if self.ending else "."
        return f"Write {counted(self.n_words, 'word')}{letter}{ending}"

    def is_obeyed(self, text: str) -> bool:
        """Whether a text has different known words, and obeys all constraints.

        Examples
        --------
        >>> Constraint(3, "e", "!").is_obeyed("small birds sing!")
        True
        >>> Constraint(3, "e", "!").is_obeyed("clever birds sing!")
        False
        """
        words = text[:-1].split(" ")
        return (
            text.endswith(self.ending or (".", "!", "?"))
            and len(words) == len(set(words)) == self.n_words
            and set(words) <= WORDS
            and not (self.letter and self.letter in text)
        )


ALL_CONSTRAINTS = [Constraint(*one) for one in itertools.product(COUNTS, LETTERS, ENDINGS)]


def constraints_held_out() -> Array:
    """Whether each constraint is held out, so that no conversation has it: bool (N,)."""
    return held_out(np.arange(len(ALL_CONSTRAINTS)))


def constraint_conversations(
    n_conversations: int = N_CONVERSATIONS, seed: int = 0
) -> list[list[Message]]:
    """Draw requests with answers that often do not obey.

    Examples
    --------
    >>> [[request, answer]] = constraint_conversations(1)
    >>> request.content, answer.content
    ('Write 7 words without the letter i, ending in ?', 'clever small lost cats run much today?')
    """
    rng = random_stream(seed, CONSTRAINTS)
    known = [ALL_CONSTRAINTS[i] for i in np.flatnonzero(~constraints_held_out())]
    found = []
    for _ in range(n_conversations):
        one = known[rng.integers(len(known))]
        followed = one if rng.random() < OBEYING else _other(one, rng)
        texts = [(USER, str(one)), (ASSISTANT, _write(followed, rng))]
        found.append([Message(role, text) for role, text in texts])
    return found


def _other(one: Constraint, rng: np.random.Generator) -> Constraint:
    """Change one of the constraints, so that most answers do not obey it."""
    kind = rng.integers(3)
    if kind == 0 or not (one.letter or one.ending):
        return one._replace(n_words=int(rng.choice([n for n in COUNTS if n != one.n_words])))
    if (kind == 1 and one.letter) or not one.ending:
        return one._replace(letter="")
    return one._replace(ending=str(rng.choice([".", *(e for e in ENDINGS[1:] if e != one.ending)])))


def _write(one: Constraint, rng: np.random.Generator) -> str:
    """Write words that obey: adjectives, a noun, a verb and adverbs."""
    n_others = one.n_words - 2
    n_before = n_others - n_others // 2
    parts = [(ADJECTIVES, n_before), (NOUNS, 1), (VERBS, 1), (ADVERBS, n_others - n_before)]
    words: list[str] = []
    for choices, n in parts:
        fitting = [word for word in choices if not (one.letter and one.letter in word)]
        words += rng.choice(fitting, n, replace=False).tolist()
    return " ".join(words) + (one.ending or str(rng.choice([".", "!", "?"])))
