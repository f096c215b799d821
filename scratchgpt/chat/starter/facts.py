"""Facts that the model reads as statements and is then asked for, read from ``facts.toml``."""

from functools import cache
from pathlib import Path
from typing import NamedTuple

from scratchgpt.structured import read_toml

FILE = Path(__file__).parent / "facts.toml"


class Facts(NamedTuple):
    """Facts of one kind, such as the capitals of countries.

    Attributes
    ----------
    answer : str
    statements, questions : lists of patterns
        ``{a}`` and ``{b}`` are the two sides of a fact.
    pairs : dict of str to str
    """

    answer: str
    statements: list[str]
    questions: list[str]
    pairs: dict[str, str]

    def answer_to(self, a: str) -> str:
        return sentence(self.answer.format(a=a, b=self.pairs[a]))


@cache
def all_facts() -> dict[str, Facts]:
    """Return the facts by the name of their kind."""
    return {name: Facts(**values) for name, values in read_toml(FILE).items()}


def sentence(text: str) -> str:
    """Return a text with a capital letter at its start."""
    return text[0].upper() + text[1:]
