"""200 random conversations have the same tokens and masks in training, in the engine and in a chat.

Each is compared with the second renderer; tests/serving adds the server.
"""

import json

import pytest

from scratchgpt.chat import (
    ChatEngine,
    ContextLengthError,
    Dialogue,
    Message,
    Renderer,
    encode_conversations,
    read_conversation,
)
from scratchgpt.models import GPT, GPTConfig

MOST_NEW = 8


@pytest.fixture
def cases(tokenizer, second):
    """The model, messages, and prompt or None, for conversations that a user continues."""
    engines = {}

    def case(messages, block_size):
        if block_size not in engines:
            sizes = {"n_layer": 1, "n_head": 1, "n_embd": 2, "block_size": block_size}
            model = GPT(GPTConfig(**sizes, vocab_size=tokenizer.vocab_size))
            engines[block_size] = ChatEngine(model, tokenizer)
        asked = messages[: 1 + max(i for i, m in enumerate(messages) if m.role == "user")]
        prompt = second.plain_prompt(tokenizer, asked, block_size, MOST_NEW)
        n_answer = min(MOST_NEW, max(1, block_size // 4))
        fits = len(prompt) <= block_size + 1 - n_answer
        return engines[block_size], asked, prompt if fits else None

    found = [case(*one) for one in second.conversations()]
    n_fit = sum(prompt is not None for _, _, prompt in found)
    assert len(found) == 200
    assert 100 < n_fit < 200
    return found


def test_training_rows_equal_the_second_renderer(tokenizer, second):
    n_kept = 0
    for messages, most in second.conversations():
        expected = second.plain_renderer(tokenizer, messages, most)
        if len(expected) <= most and any(is_counted for _, is_counted in expected):
            part = encode_conversations([messages], Renderer(tokenizer), most - 1)
            assert part.tokens[0].tolist() == [token for token, _ in expected]
            assert part.counted[0].tolist() == [is_counted for _, is_counted in expected]
            n_kept += 1
    assert 100 < n_kept < 200


def test_prompts_of_the_engine_equal_the_second_renderer(tokenizer, second, cases, monkeypatch):
    prompts = second.record_prompts(monkeypatch, tokenizer)
    for engine, asked, expected in cases:
        if expected is None:
            with pytest.raises(ContextLengthError):
                engine.stream(asked, max_new_tokens=MOST_NEW)
            continue
        [piece] = engine.stream(asked, max_new_tokens=MOST_NEW)
        assert piece.finish_reason == "stop"
        assert prompts.pop() == expected


def test_prompts_of_a_chat_equal_the_second_renderer(
    tokenizer, second, cases, monkeypatch, tmp_path
):
    """As in a terminal: earlier messages are loaded from a file, and the last one is said."""
    prompts = second.record_prompts(monkeypatch, tokenizer)
    file = tmp_path / "conversation.jsonl"
    for engine, asked, expected in cases:
        dialogue = Dialogue(engine, max_new_tokens=MOST_NEW)
        *before, last = asked
        if before and before != [Message("system", "")]:
            file.write_text(json.dumps({"messages": [m._asdict() for m in before]}))
            dialogue.load(read_conversation(file))
        if expected is None:
            with pytest.raises(ContextLengthError):
                dialogue.say(last.content)
            continue
        list(dialogue.say(last.content))
        if before[:1] == [Message("system", "")]:
            asked = asked[1:]  # the reader leaves out a system message without content
            block_size = engine.model.config.block_size
            expected = second.plain_prompt(tokenizer, asked, block_size, MOST_NEW)
        assert prompts.pop() == expected
        assert dialogue.messages == [*asked, Message("assistant", "")]
