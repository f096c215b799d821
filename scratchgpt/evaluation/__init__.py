"""Scores of predictions: perplexity, exact match, BLEU and chrF; rankings and similarities.

The functions take numbers or texts and do not depend on a model. :mod:`scratchgpt.recipes` computes
the predictions of a model and passes them to this package.
"""

from scratchgpt.evaluation.exact_match import ExactMatch, exact_match
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

__all__ = [
    "ExactMatch",
    "Interval",
    "Perplexity",
    "RankingScores",
    "RankingTask",
    "TranslationScores",
    "exact_match",
    "mean_loss",
    "paired_bootstrap",
    "pearson",
    "perplexity",
    "ranking_scores",
    "spearman",
    "top_documents",
    "translation_scores",
]
