"""Vectors by key, and the interrupted embedding of many texts."""

import numpy as np
import pytest

from scratchgpt.embeddings.index import vectors as module
from scratchgpt.embeddings.index.vectors import Vectors, embed_texts
from scratchgpt.errors import UserError


def key(i):
    return bytes([i]) * 32


def vectors_of(numbers):
    vectors = Vectors("print", "runs/a", 3)
    rows = np.repeat(np.array(numbers, np.float32)[:, None], 3, axis=1)
    vectors.add([key(i) for i in numbers], rows)
    return vectors


def nothing(*_):
    pass


def test_vectors_are_read_as_they_were_written(tmp_path):
    vectors = vectors_of([3, 1, 2])
    vectors.save(tmp_path / "v")
    read = Vectors.read(tmp_path / "v")
    assert (read.fingerprint, read.model, read.dim) == ("print", "runs/a", 3)
    assert read.numbers == {key(3): 0, key(1): 1, key(2): 2}
    assert (read.rows == vectors.rows).all()
    assert read.rows.dtype == np.float32


def test_vectors_are_dropped_when_most_are_unused():
    vectors = vectors_of([0, 1, 2, 3])
    assert vectors.without_unused({key(1), key(2)}) is vectors
    few = vectors.without_unused({key(3)})
    assert few.numbers == {key(3): 0}
    assert few.rows.tolist() == [[3, 3, 3]]


def test_each_text_gets_its_vector_whatever_its_length(encoder):
    texts = {key(i): "word " * (7 - i) + f"text{i}" for i in range(5)}
    vectors = Vectors("f", "", encoder.dim)
    embed_texts(vectors, texts, encoder, nothing, nothing)
    for each, text in texts.items():
        expected = encoder.encode_document([text])[0]
        assert (vectors.rows[vectors.numbers[each]] == expected).all()


def test_what_was_embedded_is_saved_at_intervals_and_when_interrupted(encoder, monkeypatch):
    monkeypatch.setattr(module, "_BATCH", 2)
    monkeypatch.setattr(module, "_FIRST_SAVE", 4)
    vectors = Vectors("f", "", encoder.dim)
    saved, reported = [], []

    def report(what, done, total):
        reported.append((what, done, total))
        if len(vectors) == 10:
            raise KeyboardInterrupt

    texts = {key(i): f"text {i}" for i in range(10, 30)}
    with pytest.raises(KeyboardInterrupt):
        embed_texts(vectors, texts, encoder, lambda: saved.append(len(vectors)), report)
    assert saved == [4, 8, 10]
    assert reported[-1] == ("embedding", 70, 140)


def test_nan_is_refused(encoder):
    encoder.encode_document = lambda texts: np.full((len(texts), 64), np.nan, np.float32)
    with pytest.raises(UserError, match="NaN"):
        embed_texts(Vectors("f", "", 64), {key(1): "a"}, encoder, nothing, nothing)
