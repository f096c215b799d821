"""Rendering against a second, independent renderer, which works on ids one by one."""

import numpy as np
import pytest

from scratchgpt.backend import random_stream
from scratchgpt.chat import Message, Renderer
from scratchgpt.errors import UserError
from scratchgpt.text import train_bpe

SPELLINGS = ("<|end|>", "<|assistant|>", "<|user|>", "<|system|>", "<|endoftext|>", "<|end", "|>")
PIECES = (*SPELLINGS, "the user", " answers", "é", "日本", "👩‍🚀", "\n\n", "\0", "\u202e", " ", "ﷺ")
N = 200


def random_text(rng):
    pieces = [PIECES[i] for i in rng.integers(len(PIECES), size=rng.integers(0, 6))]
    codes = rng.integers(1, 0x11000, size=rng.integers(0, 4))
    pieces += [chr(code) for code in codes if not 0xD800 <= code < 0xE000]
    return "".join(pieces)


def random_conversation(rng):
    messages = [Message("system", random_text(rng))] if rng.random() < 0.4 else []
    for _ in range(rng.integers(1, 6)):
        messages.append(Message("user", random_text(rng)))
        for _ in range(rng.choice([1, 1, 1, 2])):
            messages.append(Message("assistant", random_text(rng)))
    return messages


def conversations():
    rng = random_stream(0, "conversations")
    return [(random_conversation(rng), int(rng.integers(10, 160))) for _ in range(N)]


def plain_renderer(tokenizer, messages, most):
    """Render turn by turn from the newest, with ids from the vocabulary of the file."""
    names = {one["content"]: one["id"] for one in tokenizer.to_json()["added_tokens"]}

    def rendered(message):
        ids = [(names[f"<|{message.role}|>"], False)]
        is_answer = message.role == "assistant"
        ids += [(int(token), is_answer) for token in tokenizer.encode(message.content)]
        return [*ids, (names["<|end|>"], is_answer)]

    head = [(names["<|endoftext|>"], False)]
    rest = list(messages)
    if rest[0].role == "system":
        head += rendered(rest.pop(0))
    turns = []
    for message in rest:
        if message.role == "user":
            turns.append([])
        turns[-1] += rendered(message)
    kept = turns.pop()
    while turns and len(head) + len(turns[-1]) + len(kept) <= most:
        kept = turns.pop() + kept
    return head + kept


def test_200_random_conversations_equal_a_second_renderer(tokenizer):
    renderer = Renderer(tokenizer)
    n_dropped = 0
    for messages, most in conversations():
        rendered = renderer.render(messages, most)
        expected = plain_renderer(tokenizer, messages, most)
        assert rendered.tokens.tolist() == [token for token, _ in expected]
        assert rendered.counted.tolist() == [is_counted for _, is_counted in expected]
        n_dropped += rendered.n_dropped > 0
    assert 50 < n_dropped < N


def test_a_training_row_is_the_prompt_and_its_answer(tokenizer):
    renderer = Renderer(tokenizer)
    for messages, _ in conversations():
        *before, last = messages
        row = renderer.render(messages).tokens
        parts = [renderer.prompt(before).tokens, renderer.answer(last.content)]
        assert np.concatenate(parts).tolist() == row.tolist()


def test_there_is_one_start_token_and_each_message_is_decoded_as_it_was(tokenizer):
    renderer = Renderer(tokenizer)
    markers = renderer.markers
    for messages, _ in conversations():
        tokens = renderer.render(messages).tokens
        assert np.flatnonzero(tokens == markers.start).tolist() == [0]
        ends = np.flatnonzero(tokens == markers.end)
        texts = np.split(tokens[1:], ends)[:-1]
        assert [tokenizer.decode(text[1:-1]) for text in texts] == [m.content for m in messages]
        assert [text[0] for text in texts] == [markers.roles[m.role] for m in messages]


def test_every_answer_and_its_end_counts_and_nothing_else(tokenizer):
    renderer = Renderer(tokenizer)
    messages = [Message("user", "ab"), Message("assistant", "c"), Message("user", "d")]
    tokens, counted, _ = renderer.render(messages)
    assert tokenizer.decode(tokens[counted]) == "c"
    assert tokens[counted][-1] == renderer.markers.end
    assert counted.sum() == 2
    assert not renderer.prompt(messages).counted.any()


def test_no_turn_is_cut_and_the_system_message_is_kept(tokenizer):
    renderer = Renderer(tokenizer)
    turns = [m for i in range(4) for m in (Message("user", f"{i}"), Message("assistant", "no"))]
    messages = [Message("system", "s"), *turns]
    whole = len(renderer.render(messages).tokens)
    rendered = renderer.render(messages, whole - 1)
    assert rendered.n_dropped == 2
    assert rendered.tokens.tolist() == renderer.render([messages[0], *turns[2:]]).tokens.tolist()
    least = renderer.render(messages, 1)  # the last turn does not fit, and is not cut
    assert least.tokens.tolist() == renderer.render([messages[0], *turns[-2:]]).tokens.tolist()
    prompt = renderer.prompt(messages[:-1], 1)
    assert prompt.n_dropped == 6
    assert prompt.tokens[-1] == renderer.markers.roles["assistant"]


def test_a_tokenizer_without_markers_is_refused():
    with pytest.raises(UserError, match="scratchgpt sft"):
        Renderer(train_bpe(["ab"], 257))
