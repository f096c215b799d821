"""Preferences among answers: right over wrong, to the point over off topic."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from scratchgpt.backend import random_stream
from scratchgpt.chat.messages import Message
from scratchgpt.chat.preferences import Preferences
from scratchgpt.chat.starter.conversations import draw_prompt
from scratchgpt.chat.starter.patterns import choose
from scratchgpt.chat.starter.questions import HeldOut

OFF_TOPIC = 8  # one in so many prompts that are answered right


class Prompt(NamedTuple):
    """A conversation up to the answer, and all answers that are right."""

    messages: list[Message]
    right: list[str]


def draw_prompts(n: int, seed: int, held_out: HeldOut) -> list[Prompt]:
    """Draw prompts as those of the conversations, without test questions."""
    rng = random_stream(seed, "starter prompts")
    return [Prompt(*draw_prompt(rng, held_out)) for _ in range(n)]


def rank_samples(
    prompts: Sequence[Prompt], samples: Sequence[str], seed: int
) -> tuple[list[Preferences], Counter[str]]:
    """Make preferences between a right answer and a worse one.

    The worse answer is the sample if it is wrong. For one in eight of the other prompts, it is the
    answer to another prompt.

    Parameters
    ----------
    prompts : sequence of Prompt
    samples : sequence of str
        An answer of the model to each prompt.
    seed : int

    Returns
    -------
    preferences : list of Preferences
    counts : Counter
        How many of them have a worse answer of each kind: wrong, off topic.
    """
    rng = random_stream(seed, "starter preferences")
    found, counts = [], Counter[str]()
    for i, (prompt, sample) in enumerate(zip(prompts, samples, strict=True)):
        better = choose(prompt.right, rng)
        other = choose(prompts, rng).right[0]
        if sample.strip() and sample not in prompt.right:
            kind, worse = "wrong", sample
        elif i % OFF_TOPIC == 0 and other not in prompt.right:
            kind, worse = "off topic", other
        else:
            continue
        counts[kind] += 1
        found.append(Preferences(prompt.messages, [better, worse], [(0, 1)]))
    return found, counts
