import pytest

from scratchgpt.chat import Message, Renderer, answer
from scratchgpt.errors import UserError
from scratchgpt.models import GPT, GPTConfig

SIZES = {"n_layer": 1, "n_head": 2, "n_embd": 8, "block_size": 32}


def test_an_answer_ends_with_its_end_token_or_at_the_limit(tokenizer):
    renderer = Renderer(tokenizer)
    model = GPT(GPTConfig(**SIZES, vocab_size=tokenizer.vocab_size))
    messages = [Message("user", "ab")]
    cut = answer(model, renderer, messages, max_new_tokens=5)
    assert not cut.is_complete
    model.lm_head.weight.value[...] = 0
    model.lm_head.weight.value[renderer.end] = 1
    model.transformer.ln_f.weight.value[...] = 0
    model.transformer.ln_f.bias.value[...] = 9
    assert answer(model, renderer, messages) == ("", True, 0)


def test_old_turns_make_room_for_the_answer_and_long_messages_are_refused(tokenizer):
    renderer = Renderer(tokenizer)
    model = GPT(GPTConfig(**SIZES, vocab_size=tokenizer.vocab_size))
    turn = [Message("user", "x" * 8), Message("assistant", "y" * 4)]
    assert answer(model, renderer, [*turn, turn[0]], max_new_tokens=4).n_dropped == 0
    assert answer(model, renderer, [*turn, turn[0]]).n_dropped == 2
    with pytest.raises(UserError, match="take 33 tokens, and block_size=32"):
        answer(model, renderer, [Message("user", "x" * 29)])
