"""Generated conversations: greetings, identity, small talk, facts, sums, and things to remember."""

import numpy as np

from scratchgpt.backend import random_stream
from scratchgpt.chat.messages import ASSISTANT, SYSTEM, USER, Message
from scratchgpt.chat.starter.facts import all_facts
from scratchgpt.chat.starter.intents import NAME, intents
from scratchgpt.chat.starter.memory import Memory, draw_name
from scratchgpt.chat.starter.patterns import choose, draw
from scratchgpt.chat.starter.questions import HeldOut
from scratchgpt.chat.starter.sums import draw_sum, sum_answer, sum_question

MOST_TURNS = 10
WITH_TURNS = 0.5  # the share of conversations that may have more than one turn
WITH_SYSTEM = 0.1  # the share that have a system message
# The share of each topic in the turns. The tests check it.
SHARES = {
    "greetings": 0.10,
    "identity": 0.14,
    "small_talk": 0.12,
    "unknown": 0.03,
    "facts": 0.06,
    "memory": 0.13,
    "sums": 0.42,
}
_SYSTEM = (
    "You are {name}[.|, a helpful assistant.|, a small model.]",
    "Your name is {name}.[| You are helpful.| Answer politely.]",
)


def draw_conversations(n: int, seed: int, held_out: HeldOut) -> list[list[Message]]:
    """Draw conversations of one to ten turns, none of which has a held-out question.

    One in ten has a system message that gives the assistant another name.
    """
    rng = random_stream(seed, "starter conversations")
    return [draw_conversation(rng, held_out) for _ in range(n)]


def draw_conversation(rng: np.random.Generator, held_out: HeldOut) -> list[Message]:
    """Draw a conversation; see :func:`draw_conversations`."""
    messages, right = draw_prompt(rng, held_out)
    return [*messages, Message(ASSISTANT, choose(right, rng))]


def draw_prompt(rng: np.random.Generator, held_out: HeldOut) -> tuple[list[Message], list[str]]:
    """Draw a conversation up to its last answer, and all answers to it that are right."""
    name, memory = NAME, Memory()
    messages: list[Message] = []
    right: list[str] = []
    if rng.random() < WITH_SYSTEM:
        name = draw_name(rng)
        messages.append(Message(SYSTEM, draw(choose(_SYSTEM, rng), rng).format(name=name)))
    n_turns = rng.integers(1, MOST_TURNS + 1) if rng.random() < WITH_TURNS else 1
    for number in range(n_turns):
        if number:
            messages.append(Message(ASSISTANT, choose(right, rng)))
        question, right = _draw_turn(name, memory, rng, held_out)
        messages.append(Message(USER, question))
    return messages, right


def _draw_turn(
    name: str, memory: Memory, rng: np.random.Generator, held_out: HeldOut
) -> tuple[str, list[str]]:
    """Draw a question that is not held out, and all right answers."""
    topic = rng.choice(list(SHARES), p=list(SHARES.values()))
    if topic == "memory":
        return memory.turn(rng)
    while True:
        question, right = _draw_topic(topic, name, rng)
        question = vary(question, rng)
        if not held_out.has(question):
            return question, right


def _draw_topic(topic: str, name: str, rng: np.random.Generator) -> tuple[str, list[str]]:
    if topic == "sums":
        a, b = draw_sum(rng)
        return sum_question(a, b, rng), [sum_answer(a, b)]
    if topic == "facts":
        facts = choose(list(all_facts().values()), rng)
        subject = choose(list(facts.pairs), rng)
        question = draw(choose(facts.questions, rng), rng).format(a=subject)
        return question, [facts.answer_to(subject)]
    intent = choose(list(intents()[topic].values()), rng)
    question = draw(choose(intent.questions, rng), rng).replace("{name}", name)
    return question, intent.right_answers(name)


def vary(text: str, rng: np.random.Generator) -> str:
    """Change a question as people do: small letters, no mark at the end, a short form."""
    if rng.random() < 0.15:
        text = text.lower()
    if rng.random() < 0.15:
        text = text.rstrip("?.!")
    if rng.random() < 0.2:
        for long, short in (("What is", "What's"), ("I am", "I'm"), ("do not", "don't")):
            text = text.replace(long, short)
    return text.strip()
