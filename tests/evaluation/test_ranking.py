import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchgpt.backend import random_stream
from scratchgpt.errors import UserError
from scratchgpt.evaluation import paired_bootstrap, ranking_scores, top_documents

# Scores with many ties, and relevant documents.
SCORES = st.lists(
    st.lists(st.integers(-2, 2), min_size=12, max_size=12), min_size=1, max_size=5
).map(lambda rows: np.array(rows, float))
RELEVANT = st.sets(st.integers(0, 11), max_size=6)


def in_plain_python(scores, relevant):
    """The scores of one query, by the loops of sentence-transformers."""
    order = sorted(range(len(scores)), key=lambda i: (-scores[i], i))
    hits = [i in relevant for i in order]
    values = {}
    for k in (1, 3, 5, 10):
        values[f"accuracy@{k}"] = float(any(hits[:k]))
        values[f"precision@{k}"] = sum(hits[:k]) / k
        values[f"recall@{k}"] = sum(hits[:k]) / len(relevant)
    values["mrr@10"] = next((1 / (i + 1) for i in range(10) if hits[i : i + 1] == [True]), 0.0)
    gain = sum(hit / math.log2(i + 2) for i, hit in enumerate(hits[:10]))
    best = sum(1 / math.log2(i + 2) for i in range(min(10, len(relevant))))
    values["ndcg@10"] = gain / best
    precisions = [sum(hits[: i + 1]) / (i + 1) for i in range(min(100, len(hits))) if hits[i]]
    values["map@100"] = sum(precisions) / min(100, len(relevant))
    return values


def test_the_scores_are_those_computed_by_hand():
    # The ranking is 2, 0, 3, 1; of these, 0 and 1 are relevant: ranks 2 and 4.
    scores = ranking_scores([np.array([[0.5, 0.1, 0.9, 0.4]])], [{0, 1}]).means
    expected = {
        **{"accuracy@1": 0, "accuracy@3": 1, "accuracy@5": 1, "accuracy@10": 1},
        **{"precision@1": 0, "precision@3": 1 / 3, "precision@5": 2 / 5, "precision@10": 2 / 10},
        **{"recall@1": 0, "recall@3": 1 / 2, "recall@5": 1, "recall@10": 1},
        "mrr@10": 1 / 2,
        # (1 / log2(3) + 1 / log2(5)) / (1 + 1 / log2(3))
        "ndcg@10": (0.6309297536 + 0.4306765581) / 1.6309297536,
        "map@100": (1 / 2 + 2 / 4) / 2,
    }
    assert scores == pytest.approx(expected, abs=1e-9)


@given(SCORES, st.data())
def test_the_scores_are_those_of_plain_python(scores, data):
    relevant = [data.draw(RELEVANT) for _ in scores]
    relevant[0] = relevant[0] | {3}
    found = ranking_scores([scores], relevant)
    assert list(found.queries) == [i for i, each in enumerate(relevant) if each]
    for position, i in enumerate(found.queries):
        expected = in_plain_python(scores[i], relevant[i])
        values = {name: found.values[name][position] for name in expected}
        assert values == pytest.approx(expected, abs=1e-12)


def test_only_the_first_ranks_count():
    n = 300
    scores = -np.arange(n, dtype=float)
    for rank, (mrr, average) in {
        10: (0.1, 0.1),
        11: (0, 1 / 11),
        100: (0, 0.01),
        101: (0, 0),
    }.items():
        means = ranking_scores([scores[None]], [{rank - 1}]).means
        assert (means["mrr@10"], means["map@100"]) == pytest.approx((mrr, average))
        assert means["accuracy@10"] == (rank <= 10)
    everything = ranking_scores([scores[None]], [set(range(n))]).means
    assert (everything["map@100"], everything["ndcg@10"]) == pytest.approx((1, 1))
    assert everything["recall@10"] == pytest.approx(10 / n)


@given(SCORES, st.integers(1, 14))
def test_equal_scores_are_ranked_by_ascending_index(scores, k):
    for row in scores:
        expected = sorted(range(len(row)), key=lambda i: (-row[i], i))[:k]
        assert top_documents(row, k).tolist() == expected


def test_the_order_of_documents_with_different_scores_makes_no_difference():
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(7, 30))
    relevant = [set(rng.choice(30, 3, replace=False).tolist()) for _ in range(7)]
    order = rng.permutation(30)
    place = {int(old): new for new, old in enumerate(order)}
    permuted = ranking_scores([scores[:, order]], [{place[i] for i in each} for each in relevant])
    for name, values in ranking_scores([scores], relevant).values.items():
        np.testing.assert_array_equal(values, permuted.values[name])


def test_blocks_of_queries_make_no_difference():
    scores = np.random.default_rng(0).normal(size=(7, 30)).astype(np.float32)
    relevant = [{i, 2 * i} for i in range(6)] + [set()]
    whole = ranking_scores([scores], relevant)
    blocks = ranking_scores((scores[i : i + 2] for i in range(0, 7, 2)), relevant)
    for name, values in whole.values.items():
        np.testing.assert_array_equal(values, blocks.values[name])
    assert whole.queries.tolist() == blocks.queries.tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("scores", "relevant", "message"),
    [
        ([[0, 1]], [{0}, {1}], "scores for 1 query, but relevant documents for 2"),
        ([[0, 1], [1, 0]], [{0}], "scores for 2 queries, but relevant documents for 1"),
        ([[0, np.nan]], [{0}], "a score of query 0 is NaN"),
        ([[0, 1]], [{2}], "query 0 has the relevant document 2, but there are scores for 2 doc"),
        ([[0, 1]], [{0, -1}], "query 0 has the relevant document -1"),
        ([[0, 1]], [set()], "no query has a relevant document"),
    ],
    ids=["a row too few", "a row too many", "NaN", "too large", "negative", "nothing"],
)
def test_what_cannot_be_scored_is_refused(scores, relevant, message):
    with pytest.raises(UserError, match=message):
        ranking_scores([np.array(scores, float)], relevant)


def test_the_bootstrap_interval_is_that_of_the_normal_distribution():
    rng = random_stream(0, "test")
    b = rng.normal(size=1000)
    a = b + rng.normal(0.1, 2, size=1000)  # the noise of b cancels
    found = paired_bootstrap(a, b)
    error = (a - b).std() / math.sqrt(1000)
    assert found.difference == pytest.approx((a - b).mean())
    assert found.low == pytest.approx(found.difference - 1.96 * error, abs=0.05 * error)
    assert found.high == pytest.approx(found.difference + 1.96 * error, abs=0.05 * error)
    narrow = paired_bootstrap(a, b, level=0.5)
    assert narrow.high - narrow.low == pytest.approx(2 * 0.6745 * error, rel=0.03)


def test_the_bootstrap_is_reproducible_and_antisymmetric():
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 50))
    found = paired_bootstrap(a, b, n=100, seed=1)
    assert found == paired_bootstrap(a, b, n=100, seed=1)
    assert found != paired_bootstrap(a, b, n=100, seed=2)
    reverse = paired_bootstrap(b, a, n=100, seed=1)
    assert reverse == pytest.approx((-found.difference, -found.high, -found.low))
    assert paired_bootstrap(a, a) == (0, 0, 0)


def test_the_blocks_of_the_bootstrap_give_n_means(monkeypatch):
    a, b = np.random.default_rng(0).random((2, 50))
    whole = paired_bootstrap(a, b, n=101)
    monkeypatch.setattr("scratchgpt.evaluation.ranking._BLOCK", 1000)
    assert paired_bootstrap(a, b, n=101) == pytest.approx(whole)


@pytest.mark.parametrize(
    ("a", "b", "options", "message"),
    [
        ([], [], {}, r"the shapes \(0,\) and \(0,\)"),
        ([1], [1, 2], {}, r"the shapes \(1,\) and \(2,\); give two lists of the same length"),
        ([1], [1], {"n": 0}, "n=0 must be a whole number, 1 or more"),
        ([1], [1], {"level": 1}, "level=1 must be between 0 and 1"),
    ],
    ids=["empty", "lengths", "n", "level"],
)
def test_what_cannot_be_drawn_is_refused(a, b, options, message):
    with pytest.raises(UserError, match=message):
        paired_bootstrap(a, b, **options)
