"""Small encoders and batches of pairs; a fake encoder of hashed words, and a folder to search."""

import os
import zlib

import numpy as np
import pytest

from scratchgpt.backend import random_stream
from scratchgpt.embeddings import ContrastiveBatch, TextEncoder, add_roles
from scratchgpt.models import GPTEncoder, GPTEncoderConfig
from scratchgpt.text import TokenRows, train_bpe
from scratchgpt.text.code.words import words

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


class HashedWords:
    """Counts of words in 64 slots, of length 1; synonyms have the slot of their first word."""

    dim = 64
    max_tokens = 200
    n_truncated = 0

    def __init__(self, fingerprint="first"):
        self.fingerprint = fingerprint
        self.synonyms = {"settings": "configuration", "fetch": "download"}
        self.embedded = []

    def count_tokens(self, texts):
        return [len(text) for text in texts]

    def encode_document(self, texts):
        self.embedded += texts
        return self._rows(texts)

    def encode_query(self, texts):
        return self._rows(texts)

    def _rows(self, texts):
        synonyms = {words(a)[0]: words(b)[0] for a, b in self.synonyms.items()}
        rows = np.zeros((len(texts), self.dim), np.float32)
        for row, text in zip(rows, texts, strict=True):
            row[0] = 0.1
            for word in words(text):
                row[1 + zlib.crc32(synonyms.get(word, word).encode()) % (self.dim - 1)] += 1
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture
def encoder():
    return HashedWords()


@pytest.fixture
def other_encoder():
    return HashedWords("second")


SOURCE = '''\
"""Reading."""


def read_configuration(path):
    """Read the configuration of a program."""
    return path.read_text()


class Client:
    """Talks to a server."""

    def download(self, url):
        """Download a file."""
        return self.get(url)
'''
TEST = """\
def test_read_configuration():
    assert read_configuration(configuration_path) == configuration
"""
NOTES = "# Notes\n\n## Shopping\n\nbread and butter\n\n## Travel\n\ntrain to the sea\n"


@pytest.fixture
def write():
    """``write(path, text)`` writes a file that was last changed a minute ago, or ``age`` seconds.

    An index reads a file again if it changed shortly before it was read.
    """

    def write_file(path, text, age=60):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        then = path.stat().st_mtime_ns - age * 10**9
        os.utime(path, ns=(then, then))

    return write_file


@pytest.fixture
def tree(tmp_path, write):
    """A folder with code, a test of it and notes."""
    folder = tmp_path / "project"
    write(folder / "code.py", SOURCE)
    write(folder / "tests" / "test_code.py", TEST)
    write(folder / "notes.md", NOTES)
    return folder
