"""Scores of predictions: perplexity, exact match, BLEU, chrF, rankings and correlations.

BM25, the hybrid of search and a linear probe are the baselines and judges of embeddings.

Latent semantic analysis, naive Bayes and the most frequent label are baselines.

The functions take numbers or texts and do not depend on a model. :mod:`scratchgpt.recipes` computes
the predictions of a model and passes them to this package.
"""

from scratchgpt.evaluation.bm25 import BM25
from scratchgpt.evaluation.exact_match import ExactMatch, exact_match
from scratchgpt.evaluation.hybrid import hybrid_scores
from scratchgpt.evaluation.lsa import LSA
from scratchgpt.evaluation.majority import Majority, majority
from scratchgpt.evaluation.naive_bayes import NaiveBayes
from scratchgpt.evaluation.perplexity import Perplexity, mean_loss, perplexity
from scratchgpt.evaluation.ranking import (
    Interval,
    RankingScores,
    RankingTask,
    paired_bootstrap,
    ranking_scores,
    top_documents,
)
from scratchgpt.evaluation.similarity import pearson, spearman
from scratchgpt.evaluation.translation_scores import TranslationScores, translation_scores
from scratchgpt.evaluation.word_counts import WordCounts

__all__ = [
    "BM25",
    "LSA",
    "ExactMatch",
    "Interval",
    "Majority",
    "NaiveBayes",
    "Perplexity",
    "RankingScores",
    "RankingTask",
    "TranslationScores",
    "WordCounts",
    "exact_match",
    "hybrid_scores",
    "majority",
    "mean_loss",
    "paired_bootstrap",
    "pearson",
    "perplexity",
    "ranking_scores",
    "spearman",
    "top_documents",
    "translation_scores",
]
