"""Text for the pre-training: sums, facts and conversations, without the markers of a chat."""

import numpy as np

from scratchgpt.backend import random_stream
from scratchgpt.chat.messages import SYSTEM
from scratchgpt.chat.starter.conversations import draw_conversation
from scratchgpt.chat.starter.facts import all_facts, sentence
from scratchgpt.chat.starter.patterns import choose, draw
from scratchgpt.chat.starter.questions import HeldOut
from scratchgpt.chat.starter.sums import draw_sum, sum_answer

# The lines of a paragraph, and the share of paragraphs of each kind.
N_LINES = 8
SHARES = {"sums": 0.5, "facts": 0.2, "conversations": 0.3}


def draw_text(n_paragraphs: int, seed: int, held_out: HeldOut) -> str:
    """Draw paragraphs of sums, of facts, and of questions with their answers.

    Sums in rows teach addition much faster than sums in conversations, because nearly every token
    is part of one.
    """
    rng = random_stream(seed, "starter text")
    return "\n\n".join(_draw_paragraph(rng, held_out) for _ in range(n_paragraphs)) + "\n"


def _draw_paragraph(rng: np.random.Generator, held_out: HeldOut) -> str:
    kind = rng.choice(list(SHARES), p=list(SHARES.values()))
    if kind == "sums":
        return "\n".join(sum_answer(*draw_sum(rng)) for _ in range(N_LINES))
    if kind == "facts":
        return " ".join(_draw_fact(rng) for _ in range(N_LINES))
    messages = draw_conversation(rng, held_out)
    return "\n".join(message.content for message in messages if message.role != SYSTEM)


def _draw_fact(rng: np.random.Generator) -> str:
    facts = choose(list(all_facts().values()), rng)
    a, b = choose(list(facts.pairs.items()), rng)
    return sentence(draw(choose(facts.statements, rng), rng).format(a=a, b=b))
