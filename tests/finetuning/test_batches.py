import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.finetuning import LabeledBatches, LabeledRows


def rows(n, n_rows=2):
    rng = np.random.default_rng(n)
    examples = [[rng.integers(0, 9, rng.integers(2, 7)) for _ in range(n_rows)] for _ in range(n)]
    return LabeledRows(examples, np.arange(n))


def batches(n=10, **changes):
    settings = {"block_size": 8, "batch_size": 4, "seed": 1, **changes}
    return LabeledBatches(rows(n), rows(7), **settings)


def test_an_epoch_has_each_example_once_in_a_new_order():
    data = batches()
    assert data.batches_per_epoch == 3
    epochs = [
        np.concatenate([data.train_batch(3 * epoch + i).targets for i in range(3)])
        for epoch in range(2)
    ]
    assert all(sorted(each) == list(range(10)) for each in epochs)
    assert (epochs[0] != epochs[1]).any()


def test_a_batch_is_a_function_of_its_index():
    data = batches()
    first = data.train_batch(4)
    data.train_batch(0)
    for one, again in zip(first, data.train_batch(4), strict=True):
        np.testing.assert_array_equal(one, again)
    assert (batches(seed=2).train_batch(4).targets != first.targets).any()


def test_sequences_are_padded_to_the_longest():
    data = batches()
    batch = data.train_batch(0)
    assert batch.tokens.shape == (4, 2, max(batch.lengths.max(), 4))
    for tokens, lengths, target in zip(*batch, strict=True):
        for row, length, expected in zip(tokens, lengths, data.train.rows[target], strict=True):
            np.testing.assert_array_equal(row[:length], expected)


def test_validation_has_all_examples_or_some_batches():
    data = batches()
    found = [batch.targets.tolist() for batch in data.validation_batches()]
    assert found == [[0, 1, 2, 3], [4, 5, 6]]
    assert len(list(batches(val_batches=1).validation_batches())) == 1
    assert len(list(data.some_validation_batches(5))) == 2


def test_the_fingerprint_depends_on_tokens_lengths_and_targets():
    base = rows(3)
    joined = [[np.concatenate(example), np.empty(0, np.int64)] for example in base.rows]
    others = [LabeledRows(joined, base.targets), base._replace(targets=base.targets + 1), rows(4)]
    assert base.fingerprint == rows(3).fingerprint
    assert len({each.fingerprint for each in (base, *others)}) == 4


def test_an_empty_part_is_refused():
    with pytest.raises(UserError, match="the training part has no examples"):
        batches(0)
