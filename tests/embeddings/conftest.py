"""A small tokenizer with roles, small encoders, and batches of pairs."""

import numpy as np
import pytest

from scratchgpt.backend import random_stream
from scratchgpt.embeddings import ContrastiveBatch, TextEncoder, add_roles
from scratchgpt.models import GPTEncoder, GPTEncoderConfig
from scratchgpt.text import TokenRows, train_bpe

WORDS = ["alpha", "beta", "read", "config", "file", "snake_case", "π", "x1", "the", "end"]
SIZES = {"n_layer": 2, "n_head": 3, "n_embd": 12, "block_size": 24, "vocab_size": 31}


def make_texts(n, most, seed=0):
    """Create different texts of 0 to ``most`` words."""
    rng = random_stream(seed, "texts", n, most)
    return [" ".join(rng.choice(WORDS, int(size))) for size in rng.integers(0, most, n)]


@pytest.fixture(scope="session")
def texts():
    return make_texts


@pytest.fixture(scope="session")
def tokenizer():
    return add_roles(train_bpe(make_texts(60, 30), 300))


@pytest.fixture(scope="session")
def encoders():
    """``encoders(dtype, seed, **changes)`` makes an encoder with parameters of ordinary size."""

    def make(dtype=np.float32, seed=3, **changes):
        model = GPTEncoder(GPTEncoderConfig(**{**SIZES, **changes}), dtype=dtype, seed=None)
        for name, value in model.arrays().items():
            rng = random_stream(seed, name)
            if name == "log_scale":
                value[...] = 1.25
            elif name.endswith("weight") and "ln_" in name:
                value[...] = 0.5 + rng.random(value.shape)
            else:
                value[...] = 0.3 * rng.standard_normal(value.shape)
        return model

    return make


@pytest.fixture(scope="session")
def make_encoder(tokenizer, encoders):
    """``make_encoder(**changes)`` makes a TextEncoder."""

    def make(dtype=np.float32, **changes):
        changes = {"vocab_size": tokenizer.vocab_size, **changes}
        return TextEncoder(encoders(dtype, **changes), tokenizer)

    return make


@pytest.fixture(scope="session")
def make_batch():
    """``make_batch(n_pairs, n_negatives)`` makes a batch of random tokens, some texts twice."""

    def make(n_pairs, n_negatives=0, seed=0, longest=SIZES["block_size"]):
        rng = random_stream(seed, "batch", n_pairs, n_negatives)
        n_rows = 2 * n_pairs + n_negatives
        lengths = rng.integers(1, longest + 1, n_rows)
        rows = [rng.integers(0, SIZES["vocab_size"], n) for n in lengths]
        keys = np.arange(n_rows)
        if n_pairs > 3:
            for twice, first in ((2, 0), (n_pairs + 3, n_pairs + 1)):  # a query, and a document
                rows[twice], keys[twice] = rows[first], keys[first]
        return ContrastiveBatch(TokenRows.of(rows, SIZES["vocab_size"]), keys, n_pairs)

    return make
