"""Evaluation of an encoder: search by its vectors, by BM25 and by both, on the same queries."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from scratchgpt.backend import Array
from scratchgpt.embeddings import TextEncoder
from scratchgpt.errors import counted
from scratchgpt.evaluation import BM25, hybrid_scores
from scratchgpt.evaluation.ranking import (
    Interval,
    RankingScores,
    RankingTask,
    paired_bootstrap,
    ranking_scores,
)
from scratchgpt.text.code.words import words
from scratchgpt.text.pairs.text_pairs import TextPairs

METHODS = ("embeddings", "BM25", "hybrid")
_SHOWN = ("mrr@10", "ndcg@10", "recall@1", "recall@10")
_QUERIES = 100  # at a time


@dataclass(frozen=True)
class SearchScores:
    """How well the three methods rank the documents of a task.

    Attributes
    ----------
    name : str
    n_queries, n_documents : int
    scores : dict of str to RankingScores
        Of each of METHODS.
    gain : Interval
        MRR@10 of the hybrid minus that of BM25, by paired bootstrap over the queries.
    """

    name: str
    n_queries: int
    n_documents: int
    scores: dict[str, RankingScores]
    gain: Interval

    def __str__(self) -> str:
        lines = [
            f"{self.name}: {counted(self.n_queries, 'query', 'queries')}, "
            f"{counted(self.n_documents, 'document')}",
            f"{'':10}" + "".join(f"  {name:>9}" for name in _SHOWN),
        ]
        for method, scores in self.scores.items():
            means = scores.means
            lines.append(f"{method:10}" + "".join(f"  {means[name]:9.4f}" for name in _SHOWN))
        gain = self.gain
        lines.append(
            f"hybrid - BM25, mrr@10: {gain.difference:+.4f}, 95 % interval {gain.low:+.4f} to "
            f"{gain.high:+.4f}"
        )
        return "\n".join(lines)

    def as_dict(self) -> dict[str, object]:
        return {
            "name": self.name,
            "n_queries": self.n_queries,
            "n_documents": self.n_documents,
            **{method: scores.means for method, scores in self.scores.items()},
            "hybrid_minus_bm25": self.gain._asdict(),
        }


@dataclass(frozen=True)
class SearchEvaluation:
    """The scores of an encoder on one or more tasks; ``str`` formats them as tables."""

    tasks: list[SearchScores]

    def as_dict(self) -> dict[str, object]:
        return {"tasks": [task.as_dict() for task in self.tasks]}

    def __str__(self) -> str:
        return "\n\n".join(map(str, self.tasks))


def pairs_task(pairs: TextPairs) -> RankingTask:
    """Return the task of finding the document of each pair among those of all pairs."""
    places: dict[str, int] = {}
    for document in pairs.documents:
        places.setdefault(document, len(places))
    answers: dict[str, set[int]] = {}
    for query, document in zip(pairs.queries, pairs.documents, strict=True):
        answers.setdefault(query, set()).add(places[document])
    return RankingTask(list(answers), list(places), list(answers.values()))


def evaluate_search(encoder: TextEncoder, task: RankingTask, name: str) -> SearchScores:
    """Rank the documents of a task for each query, by each of the three methods."""
    bm25 = BM25([words(document) for document in task.documents])
    queries = encoder.encode_query(task.queries)
    documents = encoder.encode_document(task.documents)
    scores = {}
    for method in METHODS:
        blocks = _blocks(method, encoder, bm25, task.queries, queries, documents)
        scores[method] = ranking_scores(blocks, task.relevant)
    gain = paired_bootstrap(scores["hybrid"].values["mrr@10"], scores["BM25"].values["mrr@10"])
    return SearchScores(name, len(task.queries), len(task.documents), scores, gain)


def _blocks(
    method: str,
    encoder: TextEncoder,
    bm25: BM25,
    texts: Sequence[str],
    queries: Array,
    documents: Array,
) -> Iterator[Array]:
    """Yield the scores of all documents for some queries at a time."""
    for start in range(0, len(texts), _QUERIES):
        some = slice(start, start + _QUERIES)
        semantic = encoder.similarity(queries[some], documents)
        if method == "embeddings":
            yield semantic
            continue
        for row, text in zip(semantic, texts[some], strict=True):
            lexical = bm25.scores(words(text))
            yield (lexical if method == "BM25" else hybrid_scores(lexical, row))[None]
