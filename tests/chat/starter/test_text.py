import re

from scratchgpt.chat.starter import draw_text
from scratchgpt.chat.starter.sums import is_held_out


def test_sums_are_right_and_none_is_held_out(held_out):
    sums = re.findall(r"(\d+) \+ (\d+) = (\d+)\.", draw_text(400, 0, held_out))
    assert len(sums) > 1000
    for a, b, c in sums:
        assert int(a) + int(b) == int(c)
        assert not is_held_out(int(a), int(b))


def test_lines_are_no_test_questions(held_out):
    lines = draw_text(400, 0, held_out).splitlines()
    assert not any(held_out.has(line) for line in lines)


def test_the_same_seed_gives_the_same_text(held_out):
    assert draw_text(5, 1, held_out) == draw_text(5, 1, held_out)
    assert draw_text(5, 1, held_out) != draw_text(5, 2, held_out)
