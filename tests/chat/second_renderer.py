"""A second, independent renderer of conversations, and random conversations for both.

Every way from messages to tokens is compared with it: fine-tuning, the terminal and the server.
"""

import numpy as np

from scratchgpt.backend import random_stream
from scratchgpt.chat import Message
from scratchgpt.generation.prefix_decoding import PrefixDecoding

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


def alternating_conversations(n):
    """Conversations that every format can express, the last message of the assistant."""
    rng = random_stream(1, "conversations")
    for _ in range(n):
        messages = [Message("system", "é " + random_text(rng))] if rng.random() < 0.4 else []
        for _ in range(rng.integers(1, 4)):
            messages.append(Message("user", random_text(rng)))
            messages.append(Message("assistant", "a" + random_text(rng)))
        yield messages


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


def plain_prompt(tokenizer, messages, block_size, max_new_tokens):
    """Render the prompt of an answer, which gets at least a quarter of the context."""
    names = {one["content"]: one["id"] for one in tokenizer.to_json()["added_tokens"]}
    n_answer = min(max_new_tokens, max(1, block_size // 4))
    marked = plain_renderer(tokenizer, messages, block_size - n_answer)
    return [*(token for token, _ in marked), names["<|assistant|>"]]


def record_prompts(monkeypatch, tokenizer, end="<|end|>"):
    """Make every answer empty; return the list that gets the tokens of each prompt."""
    names = {one["content"]: one["id"] for one in tokenizer.to_json()["added_tokens"]}
    prompts = []

    def begin(self, tokens):
        prompts.append(list(tokens))
        logits = np.zeros((1, tokenizer.vocab_size), np.float32)
        logits[0, names[end]] = 1000
        return logits, len(tokens)

    monkeypatch.setattr(PrefixDecoding, "begin", begin)
    return prompts
