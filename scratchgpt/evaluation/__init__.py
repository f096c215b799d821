"""Scores of predictions: perplexity, exact match, BLEU, chrF, F1, rankings and correlations.

BM25, latent semantic analysis, naive Bayes, the model of Bradley and Terry on words, and the most
frequent label are baselines. A linear probe shows what embeddings contain, and the hybrid ranks by
BM25 and embeddings together.

The functions take numbers or texts and do not depend on a model. :mod:`scratchgpt.recipes` computes
the predictions of a model and passes them to this package.
"""

from scratchgpt.evaluation.bm25 import BM25
from scratchgpt.evaluation.bradley_terry import BradleyTerry
from scratchgpt.evaluation.cosqa import cosqa
from scratchgpt.evaluation.exact_match import ExactMatch, exact_match
from scratchgpt.evaluation.hybrid import hybrid_scores
from scratchgpt.evaluation.label_scores import LabelScores, label_scores
from scratchgpt.evaluation.linear_probe import LinearProbe, fit_linear_probe
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
    "BradleyTerry",
    "ExactMatch",
    "Interval",
    "LabelScores",
    "LinearProbe",
    "Majority",
    "NaiveBayes",
    "Perplexity",
    "RankingScores",
    "RankingTask",
    "TranslationScores",
    "WordCounts",
    "cosqa",
    "exact_match",
    "fit_linear_probe",
    "hybrid_scores",
    "label_scores",
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
