"""A fake encoder: hashed words, so equal words are near, and every call is counted."""

import os
import zlib

import numpy as np
import pytest

from scratchgpt.text.code.words import words


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
