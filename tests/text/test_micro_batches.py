import numpy as np

from scratchgpt.text.micro_batches import micro_batches, pad_rows


def test_every_text_is_in_one_micro_batch_that_fits(rng):
    lengths = rng.integers(1, 30, 200)
    chunks = micro_batches(lengths, 64)
    assert sorted(np.concatenate(chunks)) == list(range(200))
    assert all(len(chunk) * max(lengths[chunk].max(), 4) <= 64 for chunk in chunks)
    assert [len(chunk) for chunk in micro_batches(np.array([90, 90]), 64)] == [1, 1]
    assert micro_batches(np.empty(0, int), 64) == []


def test_rows_are_padded_to_the_longest_but_to_at_least_4():
    rows = [np.array([5, 6]), np.array([7]), np.arange(1, 7)]
    tokens, lengths = pad_rows(rows, np.array([1, 0]), 9)
    assert tokens.tolist() == [[7, 0, 0, 0], [5, 6, 0, 0]]
    assert lengths.tolist() == [1, 2]
    assert pad_rows(rows, np.array([2, 1]), 9)[0].shape == (2, 6)
    assert pad_rows(rows, np.array([1]), 2)[0].shape == (1, 2)
