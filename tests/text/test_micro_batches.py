import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchgpt.text import TokenRows
from scratchgpt.text.micro_batches import NARROWEST, micro_batches, pad_rows


@given(lengths=st.lists(st.integers(1, 40), max_size=30), budget=st.integers(1, 100))
def test_each_text_is_in_one_micro_batch_that_keeps_to_the_budget(lengths, budget):
    lengths = np.array(lengths, np.int64)
    batches = micro_batches(lengths, budget)
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    longest = [lengths[batch].max() for batch in batches]
    assert longest == sorted(longest, reverse=True)
    for batch in batches:
        assert len(batch) * max(lengths[batch].max(), NARROWEST) <= budget or len(batch) == 1


@given(lengths=st.lists(st.integers(1, 40), min_size=2, max_size=30), budget=st.integers(1, 100))
def test_a_micro_batch_is_as_large_as_the_budget_allows(lengths, budget):
    batches = micro_batches(np.array(lengths, np.int64), budget)
    for batch in batches[:-1]:
        width = max(lengths[batch[0]], NARROWEST)
        assert (len(batch) + 1) * width > budget


@pytest.mark.parametrize(("budget", "sizes"), [(11, [1, 1, 2]), (12, [2, 2]), (24, [4])])
def test_the_boundaries_of_the_budget(budget, sizes):
    assert [len(batch) for batch in micro_batches(np.array([6, 6, 4, 5]), budget)] == sizes


def test_rows_are_padded_at_the_end():
    rows = [np.array([5, 6]), np.array([7]), np.arange(1, 7)]
    tokens, lengths = pad_rows(rows, np.array([2, 1]), 8)
    assert tokens.tolist() == [[1, 2, 3, 4, 5, 6], [7, 0, 0, 0, 0, 0]]
    assert lengths.tolist() == [6, 1]
    stored = TokenRows.of(rows, 10)
    np.testing.assert_array_equal(pad_rows(stored, np.array([2, 1]), 8)[0], tokens)


def test_no_batch_is_narrower_than_the_kernels_need_unless_the_model_is():
    assert pad_rows([np.array([7])], np.array([0]), 8)[0].shape == (1, NARROWEST)
    assert pad_rows([np.array([7])], np.array([0]), 3)[0].shape == (1, 3)
