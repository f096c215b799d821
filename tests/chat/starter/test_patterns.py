from collections import Counter

from scratchgpt.backend import random_stream
from scratchgpt.chat.starter.patterns import draw, expansions


def test_a_pattern_stands_for_every_combination_of_its_choices():
    assert expansions("a[b|c] [|d]") == ["ab ", "ab d", "ac ", "ac d"]
    assert expansions("no choice") == ["no choice"]


def test_all_alternatives_are_drawn_equally_often():
    rng = random_stream(0, "test")
    counts = Counter(draw("[x|y]-[1|2]", rng) for _ in range(4000))
    assert set(counts) == set(expansions("[x|y]-[1|2]"))
    assert all(abs(n - 1000) < 120 for n in counts.values())
