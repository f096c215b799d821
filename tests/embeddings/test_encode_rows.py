import numpy as np
import pytest

from scratchgpt.backend import random_stream
from scratchgpt.embeddings.encode_rows import encode_rows
from scratchgpt.errors import UserError
from scratchgpt.memory import walk
from scratchgpt.ops.unit import unit_forward


def some_rows(n=9):
    rng = random_stream(0, "rows")
    return [rng.integers(0, 31, size) for size in rng.integers(1, 25, n)]


def test_rows_have_the_unit_vectors_of_the_model_in_their_order(encoders, assert_close):
    model, rows = encoders(np.float64), some_rows()
    vectors = encode_rows(model, rows, tokens_per_batch=50)
    for row, vector in zip(rows, vectors, strict=True):
        states, _ = model.forward(row[None], np.array([len(row)]))
        assert_close(vector, unit_forward(states)[0][0], 1e-13)


def test_the_result_is_not_memory_of_the_arena(encoders):
    """A second call uses the same memory again, and must not change the first result."""
    model = encoders()
    first = encode_rows(model, some_rows())
    before = first.copy()
    encode_rows(model, some_rows()[::-1])
    np.testing.assert_array_equal(first, before)
    assert all(array.base is None for _, array in walk(first))


def test_progress_counts_texts(encoders):
    done = []
    encode_rows(
        encoders(),
        some_rows(),
        tokens_per_batch=1,
        on_progress=lambda *numbers: done.append(numbers),
    )
    assert done == [(n, 9) for n in range(1, 10)]
    assert encode_rows(encoders(), []).shape == (0, 12)


def test_vectors_that_are_not_finite_are_refused(encoders):
    model = encoders()
    model.transformer.wpe.weight.value[0, 0] = np.inf
    with np.errstate(all="ignore"), pytest.raises(UserError, match="its weights are damaged"):
        encode_rows(model, some_rows())
