"""What a user may say and what the assistant answers, read from ``intents.toml``."""

from functools import cache
from pathlib import Path
from typing import NamedTuple

from scratchgpt.chat.starter.patterns import expansions
from scratchgpt.structured import read_toml

NAME = "Nib"  # the assistant
MAKER = "scratchgpt"
FILE = Path(__file__).parent / "intents.toml"


class Intent(NamedTuple):
    """Something that a user wants: the patterns of its questions, and of the answers to them."""

    questions: list[str]
    answers: list[str]

    def right_answers(self, name: str = NAME) -> list[str]:
        """Return all answers of an assistant with a name."""
        texts = [text for pattern in self.answers for text in expansions(pattern)]
        return [text.replace("{name}", name).strip() for text in texts]


@cache
def intents() -> dict[str, dict[str, Intent]]:
    """Return all intents by topic and name."""
    topics = read_toml(FILE)
    choices = {name: f"[{'|'.join(words)}]" for name, words in topics.pop("words").items()}
    return {
        topic: {
            name: Intent(*([_filled(one, choices) for one in some] for some in values.values()))
            for name, values in named.items()
        }
        for topic, named in topics.items()
    }


def _filled(pattern: str, choices: dict[str, str]) -> str:
    for name, choice in choices.items():
        pattern = pattern.replace(f"{{{name}}}", choice)
    return pattern.replace("{maker}", MAKER)
