import functools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchgpt.generation import token_step
from scratchgpt.generation.decoding import Decoding, window_start
from scratchgpt.memory import Arena

sizes = st.integers(1, 70)


@pytest.fixture(autouse=True)
def poisoned_arena(monkeypatch):
    """Fill released arena memory with NaN, so that no step may return a reference to it."""
    monkeypatch.setattr(token_step, "Arena", functools.partial(Arena, poison=True))


@given(sizes, st.integers(1, 1000))
def test_the_window_fits_and_holds_at_least_half_a_block(block_size, length):
    visible = length - window_start(length, block_size)
    assert visible <= block_size
    assert visible >= min(length, block_size // 2 + 1)


@given(sizes)
def test_nothing_is_dropped_while_the_text_fits(block_size):
    assert window_start(block_size, block_size) == 0
    assert window_start(block_size + 1, block_size) > 0


@given(sizes, st.integers(1, 1000))
def test_the_window_never_moves_back(block_size, length):
    assert window_start(length + 1, block_size) >= window_start(length, block_size)


@given(sizes)
def test_the_window_moves_once_in_half_a_block(block_size):
    starts = [window_start(n, block_size) for n in range(1, 20 * block_size + 1)]
    moves = np.count_nonzero(np.diff(starts))
    assert moves <= 19 * block_size / (block_size / 2)


def reference(model, text):
    """Return the logits after ``text`` from a forward pass over the whole context window."""
    visible = text[window_start(len(text), model.config.block_size) :]
    return model.forward(np.array([visible]))[0][0, -1]


@pytest.mark.parametrize("norm_position", ["pre", "post"])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-12), (np.float32, 2e-4)])
@pytest.mark.parametrize("block_size", [1, 2, 3, 10])
def test_cached_logits_equal_the_uncached_forward_far_past_the_block(
    make_model, norm_position, dtype, tolerance, block_size
):
    model = make_model(dtype, norm_position=norm_position, block_size=block_size)
    rng = np.random.default_rng(1)
    contexts = [rng.integers(0, 23, n).tolist() for n in (0, 1, 6, 9, 10, 11, 37)]
    rows = Decoding(model, contexts)
    for _ in range(25):
        logits = rows.advance(rng.integers(0, 23, len(contexts)))
        assert logits.dtype == dtype
        expected = np.array([reference(model, text) for text in rows.texts])
        np.testing.assert_allclose(logits, expected, rtol=tolerance, atol=tolerance)


def test_selected_rows_continue_unchanged(make_model):
    model = make_model()
    rng = np.random.default_rng(2)
    rows = Decoding(model, [[1, 2, 3, 4, 5, 6, 7], [8], [], [9, 10, 11]])
    rows.advance(rng.integers(0, 23, 4))
    before = [list(text) for text in rows.texts]
    rows.select(np.array([3, 0, 0]))
    assert rows.texts == [before[3], before[0], before[0]]
    for _ in range(12):
        logits = rows.advance(rng.integers(0, 23, 3))
        expected = np.array([reference(model, text) for text in rows.texts])
        np.testing.assert_allclose(logits, expected, rtol=1e-12, atol=1e-12)
    assert rows.texts[1][-12:] != rows.texts[2][-12:]


@pytest.fixture
def encoded(make_model, monkeypatch):
    """A model with a block of 16, and the sizes of the token arrays that are passed to it."""
    model = make_model(block_size=16)
    sizes = []
    absorb = type(model).absorb

    def counting(self, tokens, cache, counts=None):
        sizes.append(tokens.size)
        return absorb(self, tokens, cache, counts)

    monkeypatch.setattr(type(model), "absorb", counting)
    return model, sizes


def test_sliding_costs_about_one_more_position_for_each_token(encoded):
    model, positions = encoded
    rows = Decoding(model, [[1]])
    for _ in range(320):
        rows.advance(np.array([3]))
    assert sum(positions) <= 2 * 320 + 16


def test_only_the_rows_whose_window_moves_are_encoded_again(encoded):
    model, positions = encoded
    rows = Decoding(model, [[1], [2] * 15])
    del positions[:]
    rows.advance(np.array([3, 3]))
    assert positions == [2]
    rows.advance(np.array([3, 3]))  # the second has 17 tokens now: its window moves to the 9th
    assert positions == [2, 8, 2]


def test_a_choice_of_rows_needs_no_encoding(encoded):
    model, positions = encoded
    rows = Decoding(model, [[1, 2, 3], [4, 5]])
    del positions[:]
    rows.select(np.array([1, 0, 1]))
    rows.advance(np.array([3, 3, 3]))
    assert positions == [3]
