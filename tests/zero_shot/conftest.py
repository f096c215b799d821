"""Small models to classify with: an encoder of words, and a GPT of random weights."""

import hashlib

import numpy as np
import pytest

from scratchgpt.backend import random_stream
from scratchgpt.models import GPT, GPTConfig
from scratchgpt.text import ByteTokenizer
from scratchgpt.zero_shot import LanguageModel


class WordEncoder:
    """Encodes a text as the mean of one random vector per word; counts the texts."""

    scale = 10.0
    dim = 16

    def __init__(self):
        self.encoded = []

    def encode_query(self, texts):
        self.encoded += texts
        return np.stack([self.vector(text) for text in texts]).astype(np.float32)

    encode_document = encode_query

    def vector(self, text):
        words = text.lower().replace(".", " ").replace(":", " ").replace(",", " ").split()
        vectors = [self.word(word) for word in ["<s>", *words]]
        total = np.sum(vectors, axis=0)
        return total / np.linalg.norm(total)

    def word(self, word):
        seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:4], "big")
        return random_stream(seed, "word").standard_normal(self.dim)


@pytest.fixture
def encoder():
    return WordEncoder()


def random_gpt(dtype=np.float64, block_size=48, vocab_size=257):
    """A GPT whose weights are large enough that every token matters."""
    config = GPTConfig(
        n_layer=2, n_head=2, n_embd=12, block_size=block_size, vocab_size=vocab_size, bias=True
    )
    model = GPT(config, dtype=np.float64)
    for name, parameter in model.store.named.items():
        noise = random_stream(3, "weights", name).standard_normal(parameter.shape)
        parameter.value[...] += (0.6 if parameter.decays else 0.1) * noise
    return model.astype(dtype)


def whole(model, prompt, ending):
    """The log-probability of each token of an ending, by one forward pass over the whole text."""
    tokens = np.concatenate([prompt, ending])
    logits = model.forward(tokens[None, :-1])[0][0].astype(np.float64)[len(prompt) - 1 :]
    log_p = logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True)
    return log_p[np.arange(len(ending)), ending]


@pytest.fixture(scope="session")
def make_gpt():
    return random_gpt


@pytest.fixture(scope="session")
def whole_pass():
    return whole


@pytest.fixture(scope="session")
def make_language_model():
    def make(**changes):
        return LanguageModel(random_gpt(**changes), ByteTokenizer())

    return make


@pytest.fixture(scope="session")
def language_model(make_language_model):
    return make_language_model()
