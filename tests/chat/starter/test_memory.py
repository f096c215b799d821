from scratchgpt.backend import random_stream
from scratchgpt.chat.starter.memory import Memory, draw_name


def test_the_assistant_knows_what_the_user_has_said_and_nothing_else():
    rng = random_stream(0, "test")
    n_known = n_unknown = 0
    for _ in range(400):
        memory = Memory()
        for _ in range(4):
            before = dict(memory.values)
            question, [*answers] = memory.turn(rng)
            if memory.values != before:  # the user has said something new
                [new] = set(memory.values.items()) - set(before.items())
                assert new[1] in question
                assert all(new[1] in answer for answer in answers)
                continue
            [answer] = answers
            if answer.startswith("You have not"):
                n_unknown += 1
                assert not any(f"your {thing}." in answer for thing in before)
            else:
                n_known += 1
                assert any(value in answer for value in before.values())
    assert min(n_known, n_unknown) > 100


def test_names_are_many():
    rng = random_stream(0, "test")
    assert len({draw_name(rng) for _ in range(1000)}) > 850
