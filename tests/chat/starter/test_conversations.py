import re
from collections import Counter

import pytest

from scratchgpt.chat.messages import ASSISTANT, SYSTEM, USER, check_conversation
from scratchgpt.chat.starter import draw_conversations
from scratchgpt.chat.starter.conversations import MOST_TURNS, SHARES, WITH_SYSTEM
from scratchgpt.chat.starter.facts import all_facts
from scratchgpt.chat.starter.intents import intents


def topic_of(answer: str) -> str:
    """Return the topic of an answer; answers about a system's name are "identity"."""
    if re.fullmatch(r"\d+ \+ \d+ = \d+\.", answer):
        return "sums"
    if any(answer == one.answer_to(a) for one in all_facts().values() for a in one.pairs):
        return "facts"
    for topic, named in intents().items():
        if any(answer in one.right_answers() for one in named.values()):
            return topic
    return "identity" if answer.startswith(("I am ", "My name is")) else "memory"


def test_conversations_are_whole(conversations):
    for messages in conversations:
        check_conversation(messages)
        roles = [message.role for message in messages if message.role != SYSTEM]
        assert roles == [USER, ASSISTANT] * (len(roles) // 2)
        assert 1 <= len(roles) // 2 <= MOST_TURNS


def test_no_question_is_a_test_question_or_a_held_out_sum(conversations, held_out):
    assert not any(held_out.has(m.content) for one in conversations for m in one)


def test_every_sum_is_right(conversations):
    texts = [message.content for messages in conversations for message in messages]
    for a, b, c in re.findall(r"(\d+) \+ (\d+) = (\d+)", "\n".join(texts)):
        assert int(a) + int(b) == int(c)


def test_topics_have_their_shares(conversations):
    answers = [m.content for one in conversations for m in one if m.role == ASSISTANT]
    counts = Counter(map(topic_of, answers))
    for topic, share in SHARES.items():
        assert counts[topic] / len(answers) == pytest.approx(share, abs=0.02), topic
    assert sum(SHARES.values()) == pytest.approx(1)


def test_a_system_message_gives_the_assistant_another_name(conversations):
    named = [one for one in conversations if one[0].role == SYSTEM]
    assert len(named) / len(conversations) == pytest.approx(WITH_SYSTEM, abs=0.02)
    told = [m.content for one in named for m in one if m.content.startswith("My name is")]
    assert told
    assert "My name is Nib." not in told


def test_the_same_seed_gives_the_same_conversations(held_out):
    assert draw_conversations(20, 1, held_out) == draw_conversations(20, 1, held_out)
    assert draw_conversations(20, 1, held_out) != draw_conversations(20, 2, held_out)
