"""Rendering against a second, independent renderer, which works on ids one by one."""

import json

import numpy as np
import pytest

from scratchgpt.chat import Message, Renderer
from scratchgpt.errors import UserError
from scratchgpt.text import train_bpe
from scratchgpt.text.tokenizers.bpe import BPETokenizer


def test_200_random_conversations_equal_a_second_renderer(tokenizer, second):
    renderer = Renderer(tokenizer)
    n_dropped = 0
    for messages, most in second.conversations():
        rendered = renderer.render(messages, most)
        expected = second.plain_renderer(tokenizer, messages, most)
        assert rendered.tokens.tolist() == [token for token, _ in expected]
        assert rendered.counted.tolist() == [is_counted for _, is_counted in expected]
        n_dropped += rendered.n_dropped > 0
    assert 50 < n_dropped < 200


def test_a_training_row_is_the_prompt_and_its_answer(tokenizer, second):
    renderer = Renderer(tokenizer)
    for messages, _ in second.conversations():
        *before, last = messages
        row = renderer.render(messages).tokens
        parts = [renderer.prompt(before).tokens, renderer.answer(last.content)]
        assert np.concatenate(parts).tolist() == row.tolist()


def test_there_is_one_start_token_and_each_message_is_decoded_as_it_was(tokenizer, second):
    renderer = Renderer(tokenizer)
    for messages, _ in second.conversations():
        tokens = renderer.render(messages).tokens
        assert np.flatnonzero(tokens == renderer.start).tolist() == [0]
        ends = np.flatnonzero(tokens == renderer.end)
        texts = np.split(tokens[1:], ends)[:-1]
        assert [tokenizer.decode(text[1:-1]) for text in texts] == [m.content for m in messages]
        assert [text[0] for text in texts] == [
            tokenizer.special_token(f"<|{m.role}|>") for m in messages
        ]


def test_every_answer_and_its_end_counts_and_nothing_else(tokenizer):
    renderer = Renderer(tokenizer)
    messages = [Message("user", "ab"), Message("assistant", "c"), Message("user", "d")]
    tokens, counted, _ = renderer.render(messages)
    assert tokenizer.decode(tokens[counted]) == "c"
    assert tokens[counted][-1] == renderer.end
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
    assert prompt.tokens[-1] == tokenizer.special_token("<|assistant|>")


def test_a_tokenizer_without_markers_is_refused():
    with pytest.raises(UserError, match="scratchgpt sft"):
        Renderer(train_bpe(["ab"], 257))


def test_a_role_token_that_a_message_could_spell_is_refused(tokenizer):
    content = json.loads(json.dumps(tokenizer._content))
    for one in content["added_tokens"]:
        one["special"] = one["content"] != "<|user|>"
    with pytest.raises(UserError, match=r"has <\|user\|> as an ordinary token"):
        Renderer(BPETokenizer(content))
