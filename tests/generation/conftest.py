from types import SimpleNamespace

import numpy as np
import pytest

from scratchgpt.backend import random_stream
from scratchgpt.models import GPT, GPTConfig, Transformer, TransformerConfig


@pytest.fixture
def make_model():
    """GPTs whose weights are large enough that every position matters for the next token."""

    def make(dtype=np.float64, **changes):
        settings = {
            "n_layer": 2,
            "n_head": 2,
            "n_embd": 12,
            "block_size": 10,
            "vocab_size": 23,
            "tied_head": False,
        }
        model = GPT(GPTConfig(**{**settings, **changes}), dtype=np.float64)
        for name, parameter in model.store.named.items():
            noise = random_stream(5, "test weights", name).standard_normal(parameter.shape)
            # Small biases: large ones would make one token win everywhere.
            parameter.value[...] += (0.8 if parameter.decays else 0.1) * noise
        return model.astype(dtype)

    return make


@pytest.fixture(scope="session")
def make_transformer():
    """Transformers whose weights are large enough that every token of both texts matters."""

    def make(dtype=np.float64, **changes):
        settings = {
            "n_encoder_layer": 1,
            "n_decoder_layer": 2,
            "n_head": 2,
            "n_embd": 12,
            "block_size": 16,
            "vocab_size": 23,
            "padding_id": 1,
            "tied_head": False,
        }
        model = Transformer(TransformerConfig(**{**settings, **changes}), dtype=np.float64)
        for name, parameter in model.store.named.items():
            noise = random_stream(5, "test weights", name).standard_normal(parameter.shape)
            parameter.value[...] += (0.5 if parameter.decays else 0.1) * noise
        return model.astype(dtype)

    return make


@pytest.fixture(scope="session")
def table_model():
    return TableModel


class TableModel:
    """Model with logits from a table, indexed by the source's sum, the position and two tokens.

    ``n_rows`` counts the tokens that were passed to ``extend``.
    """

    def __init__(self, rng, vocab_size=4, block_size=8, padding_id=None, scale=1.5):
        self.config = SimpleNamespace(
            vocab_size=vocab_size, block_size=block_size, padding_id=padding_id
        )
        shape = (7, block_size, vocab_size, vocab_size, vocab_size)
        self.table = scale * rng.standard_normal(shape)
        self.n_rows = []

    def forward(self, src, tgt, *, src_key_padding_mask=None, memory_key_padding_mask=None):
        sums = self.encode(src, src_key_padding_mask=memory_key_padding_mask)
        before = np.concatenate([np.zeros_like(tgt[:, :1]), tgt[:, :-1]], axis=1)
        return self.table[sums[:, None], np.arange(tgt.shape[1]), before, tgt], None

    def encode(self, src, *, src_key_padding_mask=None):
        if src_key_padding_mask is not None:
            src = np.where(src_key_padding_mask, 0, src)
        return src.sum(axis=1) % len(self.table)

    def new_cache(self, memory, memory_key_padding_mask=None, *, n_beams=1, n_positions=None):
        return TableCache(memory, np.zeros((len(memory), 0), int))

    def extend(self, tokens, cache):
        self.n_rows.append(len(tokens))
        cache.texts = np.concatenate([cache.texts, tokens], axis=1)
        position = cache.texts.shape[1] - 1
        before = cache.texts[:, -2] if position else np.zeros_like(tokens[:, 0])
        return self.table[cache.sums, position, before, tokens[:, -1]]


class TableCache:
    def __init__(self, sums, texts):
        self.sums = sums
        self.texts = texts

    def select(self, rows):
        self.sums, self.texts = self.sums[rows], self.texts[rows]
