r"""Scores of rankings: accuracy, precision, recall, MRR, NDCG and MAP.

Names, definitions and the rule for ties are those of sentence-transformers'
``InformationRetrievalEvaluator``. For a query with the relevant documents R, let
:math:`r_i = 1` if the document at rank i is in R, and 0 otherwise:

- ``accuracy@k``: :math:`\max_{i \le k} r_i`
- ``precision@k``: :math:`\frac{1}{k} \sum_{i \le k} r_i`
- ``recall@k``: :math:`\frac{1}{|R|} \sum_{i \le k} r_i`
- ``mrr@k``: :math:`1 / i` for the first :math:`i \le k` with :math:`r_i = 1`, or 0
- ``ndcg@k``: :math:`\sum_{i \le k} \frac{r_i}{\log_2(i + 1)}`, divided by its value for the best
  ranking
- ``map@k``: :math:`\frac{1}{\min(k, |R|)} \sum_{i \le k} r_i \frac{1}{i} \sum_{j \le i} r_j`
"""

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from scratchgpt.arguments import check_whole
from scratchgpt.backend import Array, random_stream
from scratchgpt.errors import UserError, counted

# The values of k that sentence-transformers reports.
SEVERAL_K = (1, 3, 5, 10)
MRR_K = NDCG_K = 10
MAP_K = 100

_BLOCK = 1 << 20  # random indices at a time


@dataclass(frozen=True)
class RankingTask:
    """Queries, documents, and which documents answer each query.

    Attributes
    ----------
    queries, documents : list of str
    relevant : list of set of int
        For each query, the indices of the documents that answer it.
    """

    queries: list[str]
    documents: list[str]
    relevant: list[set[int]]


@dataclass(frozen=True)
class RankingScores:
    """The scores of each query.

    Attributes
    ----------
    queries : array (Q,)
        The indices of the queries that have relevant documents; the others have no scores.
    values : dict of str to array (Q,)
        For each name, such as ``mrr@10``, the score of each of these queries.
    """

    queries: Array
    values: dict[str, Array]

    @property
    def means(self) -> dict[str, float]:
        """The mean of each score over the queries."""
        return {name: float(values.mean()) for name, values in self.values.items()}


def ranking_scores(blocks: Iterable[Array], relevant: Sequence[Set[int]]) -> RankingScores:
    """Rank the documents for each query by score, and compare the ranks with the relevant ones.

    Documents with equal scores are ranked by ascending index.

    Parameters
    ----------
    blocks : iterable of array (n, N)
        The scores of the N documents for each query, for n queries at a time; higher is better. An
        array (Q, N) is one block in a list.
    relevant : sequence of set of int, of length Q
        The indices of the relevant documents of each query.

    Raises
    ------
    UserError
        If a score is NaN, there are not Q rows, an index of a relevant document does not exist, or
        no query has a relevant document.
    """
    hits: list[Array] = []
    n_rows = 0
    for block in blocks:
        for row in block:
            if n_rows < len(relevant) and relevant[n_rows]:
                hits.append(_hits(row, relevant[n_rows], n_rows))
            n_rows += 1
    if n_rows != len(relevant):
        raise UserError(
            f"there are scores for {counted(n_rows, 'query', 'queries')}, but relevant documents "
            f"for {len(relevant):,}; give one row of scores for each"
        )
    queries = np.array([i for i, documents in enumerate(relevant) if documents], int)
    if not queries.size:
        raise UserError("no query has a relevant document, so that there is nothing to score")
    n_relevant = np.array([len(relevant[i]) for i in queries])
    return RankingScores(queries, _values(np.stack(hits), n_relevant))


def top_documents(scores: Array, k: int) -> Array:
    """Return the indices of the k highest scores (N,), the lower index first among equals."""
    if k >= len(scores):
        return np.argsort(-scores, kind="stable")
    lowest = np.partition(scores, -k)[-k]
    candidates = np.flatnonzero(scores >= lowest)
    return candidates[np.argsort(-scores[candidates], kind="stable")][:k]


class Interval(NamedTuple):
    """A mean difference and its confidence interval.

    Attributes
    ----------
    difference : float
    low, high : float
        The limits of the interval.
    """

    difference: float
    low: float
    high: float


def paired_bootstrap(
    a: Array, b: Array, *, n: int = 10_000, level: float = 0.95, seed: int = 0
) -> Interval:
    """Estimate the mean of a - b, and how much it varies with the choice of the queries.

    The queries are drawn n times with replacement; the interval has the middle ``level`` of the n
    means (percentile method; Efron and Tibshirani 1993, "An Introduction to the Bootstrap",
    chapter 13).

    Parameters
    ----------
    a, b : array (Q,)
        The scores of two rankings for the same queries.
    n : int
    level : float
    seed : int

    Raises
    ------
    UserError
        If the arrays are empty or differ in shape, or an option is out of range.
    """
    a, b = np.asarray(a, float), np.asarray(b, float)
    if a.ndim != 1 or a.shape != b.shape or not a.size:
        raise UserError(
            f"the scores have the shapes {a.shape} and {b.shape}; give two lists of the same length"
        )
    n = check_whole("n", n, least=1)
    if not 0 < level < 1:
        raise UserError(f"level={level} must be between 0 and 1")
    differences = a - b
    stream = random_stream(seed, "paired bootstrap")
    rows = max(_BLOCK // len(differences), 1)
    means = np.concatenate(
        [
            differences[stream.integers(len(a), size=(min(rows, n - start), len(a)))].mean(axis=1)
            for start in range(0, n, rows)
        ]
    )
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(differences.mean()), float(low), float(high))


def _hits(scores: Array, relevant: Set[int], query: int) -> Array:
    """Return whether the document at each rank is relevant, (MAP_K,), False beyond the last."""
    scores = np.asarray(scores)
    if np.isnan(scores).any():
        raise UserError(f"a score of query {query} is NaN; check the model's embeddings")
    unknown = [index for index in relevant if not 0 <= index < len(scores)]
    if unknown:
        raise UserError(
            f"query {query} has the relevant document {min(unknown)}, but there are scores for "
            f"{counted(len(scores), 'document')}, counted from 0"
        )
    top = top_documents(scores, MAP_K)
    hits = np.zeros(MAP_K, bool)
    hits[: len(top)] = np.isin(top, list(relevant))
    return hits


def _values(hits: Array, n_relevant: Array) -> dict[str, Array]:
    """Return the scores (Q,) from the hits (Q, MAP_K) and the counts of relevant documents (Q,)."""
    ranks = np.arange(1, MAP_K + 1)
    n_hits = hits.cumsum(axis=1)  # (Q, MAP_K)
    discount = 1 / np.log2(ranks + 1)
    best = discount.cumsum()[np.minimum(n_relevant, NDCG_K) - 1]  # (Q,)
    reciprocal = np.where(hits[:, :MRR_K], 1 / ranks[:MRR_K], 0.0).max(axis=1)
    precisions = np.where(hits, n_hits / ranks, 0.0).sum(axis=1)
    return {
        **{f"accuracy@{k}": (n_hits[:, k - 1] > 0).astype(float) for k in SEVERAL_K},
        **{f"precision@{k}": n_hits[:, k - 1] / k for k in SEVERAL_K},
        **{f"recall@{k}": n_hits[:, k - 1] / n_relevant for k in SEVERAL_K},
        f"ndcg@{NDCG_K}": (hits * discount)[:, :NDCG_K].sum(axis=1) / best,
        f"mrr@{MRR_K}": reciprocal,
        f"map@{MAP_K}": precisions / np.minimum(n_relevant, MAP_K),
    }
