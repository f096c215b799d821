import numpy as np
import pytest

from scratchgpt.chat.constraints import (
    ALL_CONSTRAINTS,
    Constraint,
    constraint_conversations,
    constraints_held_out,
)


def test_conversations_obey_in_30_to_50_percent():
    known = {str(one): one for one in ALL_CONSTRAINTS}
    conversations = constraint_conversations()
    obeyed = [known[one.content].is_obeyed(answer.content) for one, answer in conversations]
    assert 0.3 < np.mean(obeyed) < 0.5


def test_requests_that_are_held_out_are_in_no_conversation():
    held_out = {str(ALL_CONSTRAINTS[i]) for i in np.flatnonzero(constraints_held_out())}
    assert len(held_out) == 13
    assert len({str(one) for one in ALL_CONSTRAINTS}) == 90
    requests = {one.content for one, _ in constraint_conversations()}
    assert len(requests) == 77
    assert not held_out & requests


@pytest.mark.parametrize(
    ("constraint", "text", "obeys"),
    [
        ((3, "", ""), "small birds sing.", True),
        ((3, "", ""), "small birds sing?", True),
        ((3, "", ""), "small birds sing", False),
        ((3, "", ""), "", False),
        ((3, "", ""), "small birds.", False),
        ((3, "", ""), "small birds birds.", False),
        ((3, "", ""), "small birds fly.", False),
        ((3, "", ""), "small  birds.", False),
        ((3, "", "!"), "small birds sing!", True),
        ((3, "", "!"), "small birds sing.", False),
        ((3, "a", ""), "small birds sing.", False),
        ((3, "e", ""), "small birds sing.", True),
    ],
)
def test_constraints_are_checked(constraint, text, obeys):
    assert Constraint(*constraint).is_obeyed(text) == obeys


def test_requests_are_plain_english():
    assert str(Constraint(5, "e", "!")) == "Write 5 words without the letter e, ending in !"
    assert str(Constraint(5, "", "")) == "Write 5 words."
