"""The questions that a finished model must answer, and the rule for a right answer.

They were written before the phrases that the model is trained on. No question is word for word in
the training data, which :class:`HeldOut` checks.
"""

import re
from typing import NamedTuple

from scratchgpt.backend import random_stream
from scratchgpt.chat.messages import USER, Message
from scratchgpt.chat.starter.intents import intents
from scratchgpt.chat.starter.sums import (
    held_out_sums,
    mentions_held_out,
    sum_answer,
    sum_question,
)

N_SUMS = 100
_WORDS = re.compile(r"[^\W_]+|\+")


class Question(NamedTuple):
    """A question, and all answers to it that count as right.

    Attributes
    ----------
    kind : {"greeting", "identity", "sum"}
    text : str
    answers : frozenset of str
    """

    kind: str
    text: str
    answers: frozenset[str]

    @property
    def messages(self) -> list[Message]:
        return [Message(USER, self.text)]


_GREETINGS = {
    "Hello, my friend!": "greeting",
    "Hey hey!": "greeting",
    "Oh, hi there.": "greeting",
    "Well hello.": "greeting",
    "hello you": "greeting",
    "Hi, nice to see you.": "greeting",
    "hello again!": "greeting",
    "Greetings, machine!": "greeting",
    "Good morning to you!": "good_morning",
    "A very good morning!": "good_morning",
    "good evening everyone": "good_evening",
    "Good evening to you, Nib.": "good_evening",
    "How are you this morning?": "well_being",
    "Hi, how are you feeling today?": "well_being",
    "So, how are you?": "well_being",
    "Hello, how's it going today?": "well_being",
    "How have you been lately?": "well_being",
    "are you well?": "well_being",
    "Hey Nib, how are things?": "well_being",
    "Is everything going well with you?": "well_being",
}
_IDENTITY = {
    "What should people call you?": "name",
    "And your name is?": "name",
    "Could you tell me what your name is?": "name",
    "Sorry, what was your name again?": "name",
    "Which name do you go by?": "name",
    "i forgot your name": "name",
    "Please say your name.": "name",
    "Who was it that made you?": "maker",
    "Tell me who created you.": "maker",
    "Which program made you?": "maker",
    "Do you know who built you?": "maker",
    "By whom were you made?": "maker",
    "how were you created?": "maker",
    "Did somebody make you?": "maker",
    "What exactly are you?": "nature",
    "Are you a real person?": "nature",
    "Am I talking to a computer?": "nature",
    "Are you some kind of robot?": "nature",
    "What sort of thing are you?": "nature",
    "Is there a human behind this?": "nature",
}
# A conversation to show. None of its messages is in the training data, either.
TURNS = (
    "Hey Nib, good to see you again!",
    "What might your name be?",
    "Hi, my name is Mira.",
    "How are you doing today, my friend?",
    "I am very well, thank you very much.",
    "Could you tell me what 54 plus 71 is?",
    "And what about 28 + 56?",
    "Can you name the capital city of Italy?",
    "Do you still remember my name?",
    "Thanks for everything, goodbye!",
)


def draw_questions() -> list[Question]:
    """Return 20 greetings, 20 questions about the identity of the assistant, and 100 sums."""
    rng = random_stream(0, "starter questions")
    found = []
    for kind, topic, texts in (
        ("greeting", "greetings", _GREETINGS),
        ("identity", "identity", _IDENTITY),
    ):
        for text, intent in texts.items():
            right = intents()[topic][intent].right_answers()
            found.append(Question(kind, text, frozenset(right)))
    pairs = held_out_sums()
    for i in rng.permutation(len(pairs))[:N_SUMS]:
        a, b = pairs[i]
        found.append(Question("sum", sum_question(a, b, rng), frozenset([sum_answer(a, b)])))
    return found


class HeldOut:
    """What no training text may contain: the test questions, and the sums that are held out."""

    def __init__(self) -> None:
        texts = [*(one.text for one in draw_questions()), *TURNS]
        self._questions = {words(text) for text in texts}

    def has(self, text: str) -> bool:
        """Whether a text is a test question word for word, or mentions a held-out sum."""
        return words(text) in self._questions or mentions_held_out(text)


def words(text: str) -> str:
    """Return the words of a text: without capitals, marks and repeated spaces."""
    return " ".join(_WORDS.findall(text.lower()))
