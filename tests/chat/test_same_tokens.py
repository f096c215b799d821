"""200 random conversations have the same tokens and masks in training, in the engine and in a chat.

Each is compared with the second renderer; tests/serving adds the server. The formats of published
models are compared with ``transformers`` in test_formats.py, and with each other here.
"""

import json

import pytest

from scratchgpt.chat import (
    FORMATS,
    ChatEngine,
    ContextLengthError,
    Dialogue,
    Message,
    Renderer,
    encode_conversations,
    read_conversation,
    with_format,
)
from scratchgpt.models import GPT, GPTConfig
from scratchgpt.text import BPETokenizer, ByteFallbackTokenizer

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


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "scratchgpt"])
def test_every_format_trains_on_what_the_engine_and_a_chat_read(
    families, published, second, monkeypatch, name
):
    content = families.content(published.TEMPLATES[name][1])
    kind = ByteFallbackTokenizer.from_json(content) or BPETokenizer.from_json(content)
    tokenizer = with_format(kind, name)
    renderer = Renderer(tokenizer)
    sizes = {"n_layer": 1, "n_head": 1, "n_embd": 2, "block_size": 2048}
    engine = ChatEngine(GPT(GPTConfig(**sizes, vocab_size=tokenizer.vocab_size)), tokenizer)
    prompts = second.record_prompts(monkeypatch, tokenizer, FORMATS[name].end)
    for messages in second.alternating_conversations(20):
        *asked, last = messages
        part = encode_conversations([messages], renderer, 2048)
        row = part.tokens[0].tolist()
        answer = renderer.answer(last.content).tolist()
        [piece] = engine.stream(asked, max_new_tokens=MOST_NEW)
        assert piece.finish_reason == "stop"
        prompt = prompts.pop()
        assert prompt == renderer.prompt(asked).tokens.tolist()
        assert row[: len(prompt) + len(answer)] == prompt + answer
        assert part.counted[0][len(prompt) : len(prompt) + len(answer)].all()
        dialogue = Dialogue(engine, max_new_tokens=MOST_NEW)
        if asked[:-1]:
            dialogue.load(asked[:-1])
        list(dialogue.say(asked[-1].content))
        assert prompts.pop() == prompt
