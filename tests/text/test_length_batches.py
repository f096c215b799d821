import numpy as np

from scratchgpt.text.length_batches import LengthBatches


def test_an_epoch_has_each_row_once_and_no_batch_is_too_large(rng):
    widths = rng.integers(1, 30, size=101)
    batches = LengthBatches(widths, 60, seed=1)
    n = len(batches)
    for epoch in range(2):
        rows = [batches.rows(epoch * n + i) for i in range(n)]
        assert sorted(np.concatenate(rows)) == list(range(101))
        assert all(len(some) * widths[some].max() <= 60 for some in rows)
    assert batches.rows(3).tolist() == LengthBatches(widths, 60, seed=1).rows(3).tolist()


def test_some_batches_are_spread_over_all_widths(rng):
    widths = np.arange(1, 31)
    batches = LengthBatches(widths, 60, seed=1)
    means = [widths[rows].mean() for rows in batches.some_rows(3)]
    assert means == sorted(means)
    assert means[0] < 16 < means[-1]
