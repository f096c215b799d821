from itertools import combinations

import pytest

from scratchgpt.chat.starter.intents import MAKER, NAME, intents
from scratchgpt.chat.starter.patterns import expansions
from scratchgpt.chat.starter.questions import words

ALL = {name: one for named in intents().values() for name, one in named.items()}


@pytest.mark.parametrize("name", ALL)
def test_every_pattern_has_balanced_brackets_and_known_names(name):
    for pattern in [*ALL[name].questions, *ALL[name].answers]:
        for text in expansions(pattern.replace("{name}", NAME)):
            assert not set("[]{}|") & set(text), pattern


def test_no_question_has_two_meanings():
    questions = {
        name: {words(text) for pattern in one.questions for text in expansions(pattern)}
        for name, one in ALL.items()
    }
    shared = {
        (one, other): questions[one] & questions[other] for one, other in combinations(ALL, 2)
    }
    assert not {pair: both for pair, both in shared.items() if both}


def test_answers_to_different_intents_are_different():
    answers = {name: set(one.right_answers()) for name, one in ALL.items()}
    assert not [pair for pair in combinations(ALL, 2) if answers[pair[0]] & answers[pair[1]]]


def test_answers_about_the_assistant_have_the_name_and_the_maker():
    identity = intents()["identity"]
    assert all("Ada" in text for text in identity["name"].right_answers("Ada"))
    assert all(MAKER in text for text in identity["maker"].right_answers())
