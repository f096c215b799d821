import numpy as np
import pytest

from scratchgpt.recipes import evaluate
from scratchgpt.recipes.search_evaluation import METHODS, evaluate_search, pairs_task
from scratchgpt.text.pairs.text_pairs import TextPairs

PAIRS = TextPairs(
    ["read a file", "open a port", "read a file", "sort numbers"],
    ["def load(path)", "def listen()", "def slurp(name)", "def load(path)"],
)


class Oracle:
    """An encoder that knows which texts belong together."""

    def encode_query(self, texts):
        return np.array([[text == "open a port", text != "open a port"] for text in texts], float)

    def encode_document(self, texts):
        return np.array([[text == "def listen()", text != "def listen()"] for text in texts], float)

    def similarity(self, a, b):
        return a @ b.T


def test_equal_texts_of_pairs_are_one_query_or_document():
    task = pairs_task(PAIRS)
    assert task.queries == ["read a file", "open a port", "sort numbers"]
    assert task.documents == ["def load(path)", "def listen()", "def slurp(name)"]
    assert task.relevant == [{0, 2}, {1}, {0}]


def test_three_methods_are_scored_on_the_same_queries():
    scores = evaluate_search(Oracle(), pairs_task(PAIRS), "four pairs")
    assert tuple(scores.scores) == METHODS
    assert scores.scores["embeddings"].means["mrr@10"] == 1
    # No word is in both: BM25 gives 0 to all, and equal scores are ranked by index.
    np.testing.assert_array_equal(scores.scores["BM25"].values["mrr@10"], [1, 1 / 2, 1])
    assert scores.scores["hybrid"].means["mrr@10"] == 1
    assert scores.gain.difference == pytest.approx(1 / 6)
    assert "hybrid - BM25, mrr@10: +0.1667" in str(scores)
    assert scores.as_dict()["hybrid_minus_bm25"]["difference"] == pytest.approx(1 / 6)


def test_a_run_is_evaluated_on_what_it_held_out(encoder_run, pairs_file):
    evaluation = evaluate(encoder_run)
    [task] = evaluation.as_dict()["tasks"]
    assert task["n_queries"] == 20
    assert task["embeddings"]["mrr@10"] > 0.5
    [task] = evaluate(encoder_run, str(pairs_file)).as_dict()["tasks"]
    assert task["n_queries"] == 200
    assert {"embeddings", "BM25", "hybrid"} <= task.keys()
