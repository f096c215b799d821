import re

import pytest

from scratchgpt.backend import random_stream
from scratchgpt.chat.starter.sums import (
    draw_sum,
    held_out_sums,
    is_held_out,
    mentions_held_out,
    sum_answer,
    sum_question,
)


def test_about_a_tenth_of_the_sums_of_two_digit_numbers_is_held_out_in_both_orders():
    pairs = held_out_sums()
    assert len(pairs) == pytest.approx(810, abs=90)
    assert {(b, a) for a, b in pairs} == set(pairs)
    assert min(min(pair) for pair in pairs) == 10


def test_held_out_sums_are_never_drawn():
    rng = random_stream(0, "test")
    drawn = {draw_sum(rng) for _ in range(30_000)}
    assert not any(is_held_out(a, b) for a, b in drawn)
    assert len(drawn) > 8000


def test_a_question_has_its_two_numbers_and_an_answer_the_sum():
    rng = random_stream(0, "test")
    for _ in range(300):
        assert re.findall(r"\d+", sum_question(23, 45, rng)) == ["23", "45"]
    assert sum_answer(23, 45) == "23 + 45 = 68."


def test_a_held_out_sum_is_found_in_a_text():
    a, b = held_out_sums()[0]
    assert mentions_held_out(f"I have {a} and buy {b}.")
    assert mentions_held_out(sum_answer(b, a))
    assert not mentions_held_out(f"1 + {a} = {b}")
    assert not mentions_held_out("1 + 1 = 2, and 12345678901234567890 is large")
