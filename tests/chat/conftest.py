"""Conversations for the tests of chat."""

import pytest

from scratchgpt.chat import add_markers
from scratchgpt.text import train_bpe


@pytest.fixture(scope="session")
def tokenizer():
    """A tokenizer with the markers of a conversation."""
    return add_markers(train_bpe(["the user asks, the assistant answers <|end|> " * 9], 300))
