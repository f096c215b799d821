from collections import Counter

from scratchgpt.chat.starter import TURNS, draw_questions
from scratchgpt.chat.starter.intents import intents
from scratchgpt.chat.starter.patterns import expansions
from scratchgpt.chat.starter.questions import words


def test_there_are_20_greetings_20_questions_of_identity_and_100_sums():
    questions = draw_questions()
    assert Counter(one.kind for one in questions) == {"greeting": 20, "identity": 20, "sum": 100}
    assert len({words(one.text) for one in questions}) == 140
    assert questions == draw_questions()


def test_every_sum_has_one_right_answer_and_the_others_some():
    for one in draw_questions():
        assert len(one.answers) == 1 if one.kind == "sum" else len(one.answers) > 1


def test_a_held_out_text_is_found_with_other_marks_and_capitals(held_out):
    assert held_out.has("ARE YOU WELL")
    assert held_out.has("Hey,  hey")
    assert not held_out.has("Hello")
    assert all(held_out.has(text) for text in (*TURNS, *(one.text for one in draw_questions())))


def test_nearly_no_test_question_is_a_phrase_of_the_patterns(held_out):
    """Those that are one are left out of the data; few may be, or the test would be easy."""
    phrases = {
        words(text)
        for topic in ("greetings", "identity")
        for one in intents()[topic].values()
        for pattern in one.questions
        for text in expansions(pattern.replace("{name}", "Nib"))
    }
    assert sum(words(one.text) in phrases for one in draw_questions()) <= 6
