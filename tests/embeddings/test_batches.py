import numpy as np
import pytest

from scratchgpt.embeddings import ContrastiveBatches, EncodedPairs
from scratchgpt.errors import UserError
from scratchgpt.text import TokenRows


def rows(*texts):
    return TokenRows.of([np.array(text, np.int64) for text in texts], 100)


def pairs(n, first=0, versions=1):
    """Pair i: the query [i], and documents [i, 10 + version]."""
    numbers = range(first, first + n)
    documents = [rows(*([i, 10 + version] for i in numbers)) for version in range(versions)]
    return EncodedPairs(rows(*([i] for i in numbers)), documents)


def queries(batch):
    return [int(batch.rows[i][0]) for i in range(batch.n_pairs)]


def test_an_epoch_has_each_pair_at_most_once_in_a_new_order():
    batches = ContrastiveBatches(pairs(10), pairs(4, 50), batch_size=3, seed=5)
    assert batches.batches_per_epoch == 3
    epochs = [[queries(batches.train_batch(3 * e + i)) for i in range(3)] for e in range(3)]
    for epoch in epochs:
        seen = [query for batch in epoch for query in batch]
        assert len(set(seen)) == len(seen) == 9
    assert epochs[0] != epochs[1] != epochs[2]
    again = ContrastiveBatches(pairs(10), pairs(4, 50), batch_size=3, seed=5)
    assert queries(again.train_batch(7)) == epochs[2][1]
    other = ContrastiveBatches(pairs(10), pairs(4, 50), batch_size=3, seed=6)
    assert queries(other.train_batch(7)) != epochs[2][1]


def test_a_document_belongs_to_its_query_in_one_of_its_versions():
    batches = ContrastiveBatches(pairs(8, versions=3), pairs(4), batch_size=4, seed=0)
    drawn = set()
    for index in range(8):
        batch = batches.train_batch(index)
        assert len(batch.rows) == len(batch.keys) == 8
        for i, query in enumerate(queries(batch)):
            document = batch.rows[4 + i]
            assert document[0] == query
            drawn.add(int(document[1]))
    assert drawn == {10, 11, 12}


def test_hard_negatives_follow_the_documents():
    n_negatives = np.array([2, 0, 1])
    training = EncodedPairs(
        rows([0], [1], [2]), [rows([10], [11], [12])], rows([20], [21], [22]), n_negatives
    )
    batches = ContrastiveBatches(training, pairs(2), batch_size=3, seed=1)
    batch = batches.train_batch(0)
    order = queries(batch)
    expected = [*order, *(10 + i for i in order)]
    expected += [t for i in order for t in {0: [20, 21], 1: [], 2: [22]}[i]]
    assert batch.rows.tokens.tolist() == expected
    assert len(batch.keys) == 9


def test_equal_texts_have_equal_keys():
    training = EncodedPairs(rows([1, 2], [1, 2], [3]), [rows([3], [4], [5])])
    batch = ContrastiveBatches(training, pairs(2), batch_size=3, seed=0).train_batch(0)
    keys = {}
    for i, key in enumerate(batch.keys):
        keys.setdefault(int(key), set()).add(tuple(batch.rows[i].tolist()))
    assert len(keys) == 4
    assert all(len(texts) == 1 for texts in keys.values())


def test_validation_is_in_order_with_as_many_pairs_as_a_training_batch():
    def validation(n, **settings):
        batches = ContrastiveBatches(
            pairs(8), pairs(n, versions=2), batch_size=4, seed=0, **settings
        )
        return [queries(batch) for batch in batches.validation_batches()]

    assert validation(9) == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert validation(3) == [[0, 1, 2]]
    assert len(validation(40, val_batches=3)) == 3
    batches = ContrastiveBatches(pairs(8), pairs(4, versions=2), batch_size=4, seed=0)
    [batch] = batches.validation_batches()
    assert [int(batch.rows[4 + i][1]) for i in range(4)] == [10] * 4


def test_the_fingerprint_covers_all_tokens():
    negatives = EncodedPairs(rows([0]), [rows([0, 10])], rows([3]), np.array([1]))
    prints = [one.fingerprint for one in (pairs(1), pairs(2), pairs(1, versions=2), negatives)]
    assert len(set(prints)) == 4
    assert pairs(2).fingerprint == prints[1]


def test_too_few_pairs_are_refused():
    with pytest.raises(UserError, match=r"the training part has 1 pair; .* at least 2"):
        ContrastiveBatches(pairs(1), pairs(4), batch_size=1, seed=0)
    with pytest.raises(UserError, match="the validation part has 0 pairs"):
        ContrastiveBatches(pairs(4), pairs(0), batch_size=2, seed=0)
    with pytest.raises(UserError, match="batch_size=5 is more than 4 training pairs"):
        ContrastiveBatches(pairs(4), pairs(4), batch_size=5, seed=0)
    with pytest.raises(UserError, match="batch_size"):
        ContrastiveBatches(pairs(4), pairs(4), batch_size=0, seed=0)


def row_of(*tokens):
    return np.array([90, *tokens, 99])


def test_token_dropout_leaves_out_tokens_but_not_those_around_a_text():
    rows = TokenRows.of([row_of(*range(40)) for _ in range(8)], 100)
    pairs = EncodedPairs(rows, [rows])
    whole = ContrastiveBatches(pairs, pairs, batch_size=8, seed=0)
    thinned = ContrastiveBatches(pairs, pairs, batch_size=8, seed=0, token_dropout=0.25)
    assert whole.train_batch(0).rows.lengths.tolist() == [42] * 16
    batch = thinned.train_batch(0)
    assert 0.7 < (batch.rows.lengths - 2).mean() / 40 < 0.8
    for text in batch.rows:
        assert (text[0], text[-1]) == (90, 99)
        assert (np.diff(text[1:-1]) > 0).all()  # in their order
    assert thinned.train_batch(0).rows.tokens.tolist() == batch.rows.tokens.tolist()
    assert next(thinned.validation_batches()).rows.lengths.tolist() == [42] * 16


def test_mixed_pairs_divide_the_tokens_of_a_pair_at_random():
    queries = TokenRows.of([row_of(*range(20)) for _ in range(8)], 100)
    documents = TokenRows.of([row_of(*range(20, 60)) for _ in range(8)], 100)
    pairs = EncodedPairs(queries, [documents])
    batch = ContrastiveBatches(pairs, pairs, batch_size=8, seed=0, mixed_pairs=0.5).train_batch(0)
    mixed = 0
    for query, document in zip(list(batch.rows)[:8], list(batch.rows)[8:], strict=True):
        assert sorted([*query[1:-1], *document[1:-1]]) == list(range(60))
        assert len(document) <= 42
        mixed += len(query) != 22
    assert 0 < mixed < 8
