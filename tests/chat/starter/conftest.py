"""Generated data for the tests of the first chat model."""

import pytest

from scratchgpt.chat.starter import HeldOut, draw_conversations


@pytest.fixture(scope="session")
def held_out():
    return HeldOut()


@pytest.fixture(scope="session")
def conversations(held_out):
    return draw_conversations(3000, 0, held_out)
