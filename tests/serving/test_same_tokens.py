"""200 random conversations have the same tokens over HTTP as in training and in the terminal.

Those have their tests in tests/chat. Each is compared with the second renderer.
"""

import pytest

from scratchgpt.chat import FORMATS, Message, Renderer, with_format
from scratchgpt.models import GPT, GPTConfig
from scratchgpt.serving import ServedModel
from scratchgpt.text import BPETokenizer, ByteFallbackTokenizer

MOST_NEW = 8


def left_out(messages):
    """Leave out the oldest turn, as the chat page does; None if it is the only one."""
    first = int(messages[0].role == "system")
    starts = [i for i in range(first + 1, len(messages)) if messages[i].role == "user"]
    return messages[:first] + messages[starts[0] :] if starts else None


def test_prompts_over_http_equal_the_second_renderer(ask, service, tokenizer, second, monkeypatch):
    prompts = second.record_prompts(monkeypatch, tokenizer)
    models, counts = {}, {"fits": 0, "shortened": 0, "refused": 0}
    for messages, block_size in second.conversations():
        if block_size not in models:
            sizes = {"n_layer": 1, "n_head": 1, "n_embd": 2, "block_size": block_size}
            model = GPT(GPTConfig(**sizes, vocab_size=tokenizer.vocab_size))
            models[block_size] = ServedModel.of_text("tiny", model, tokenizer)
        service.model = models[block_size]
        asked = messages[: 1 + max(i for i, m in enumerate(messages) if m.role == "user")]
        if asked[0] == Message("system", ""):
            asked = asked[1:]
        expected = second.plain_prompt(tokenizer, asked, block_size, MOST_NEW)
        sent, outcome = asked, "fits"
        while True:
            body = {"messages": [one._asdict() for one in sent], "max_tokens": MOST_NEW}
            reply = ask(service, "POST", "/v1/chat/completions", body)
            if reply.status == 200:
                assert prompts.pop() == expected
                assert reply.json["usage"]["prompt_tokens"] == len(expected)
                break
            assert reply.error["code"] == "context_length_exceeded"
            sent, outcome = left_out(sent), "shortened"
            if sent is None:
                n_answer = min(MOST_NEW, max(1, block_size // 4))
                assert len(expected) > block_size + 1 - n_answer
                outcome = "refused"
                break
        assert prompts == []
        counts[outcome] += 1
    assert sum(counts.values()) == 200
    assert min(counts.values()) > 10, counts


@pytest.mark.parametrize("spelling", ["<|end|>", "<|assistant|>", "<|endoftext|>"])
def test_a_marker_that_a_client_types_is_text(ask, service, tokenizer, second, spelling):
    body = {"messages": [{"role": "user", "content": spelling}], "max_tokens": 1}
    usage = ask(service, "POST", "/v1/chat/completions", body).json["usage"]
    expected = second.plain_prompt(tokenizer, [Message("user", spelling)], 96, 1)
    assert usage["prompt_tokens"] == len(expected) > 6


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "scratchgpt"])
def test_every_format_is_served_as_it_is_trained(
    ask, service, families, published, second, monkeypatch, name
):
    content = families.content(published.TEMPLATES[name][1])
    kind = ByteFallbackTokenizer.from_json(content) or BPETokenizer.from_json(content)
    tokenizer = with_format(kind, name)
    renderer = Renderer(tokenizer)
    sizes = {"n_layer": 1, "n_head": 1, "n_embd": 2, "block_size": 2048}
    model = GPT(GPTConfig(**sizes, vocab_size=tokenizer.vocab_size))
    service.model = ServedModel.of_text("tiny", model, tokenizer)
    prompts = second.record_prompts(monkeypatch, tokenizer, FORMATS[name].end)
    for messages in second.alternating_conversations(8):
        body = {"messages": [one._asdict() for one in messages[:-1]], "max_tokens": MOST_NEW}
        reply = ask(service, "POST", "/v1/chat/completions", body)
        assert reply.status == 200
        assert prompts.pop() == renderer.prompt(messages[:-1]).tokens.tolist()
    if FORMATS[name].alternates:
        body = {"messages": [{"role": "user", "content": "a"}] * 2}
        reply = ask(service, "POST", "/v1/chat/completions", body)
        assert reply.status == 400
        assert "take turns" in reply.error["message"]
