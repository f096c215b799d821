"""Scores of predictions: perplexity, exact match, BLEU and chrF; BM25 and the hybrid of search.

The functions take numbers or texts and do not depend on a model. :mod:`scratchgpt.recipes` computes
the predictions of a model and passes them to this package.
"""

from scratchgpt.evaluation.bm25 import BM25
from scratchgpt.evaluation.exact_match import ExactMatch, exact_match
from scratchgpt.evaluation.hybrid import hybrid_scores
from scratchgpt.evaluation.perplexity import Perplexity, mean_loss, perplexity
from scratchgpt.evaluation.translation_scores import TranslationScores, translation_scores
from scratchgpt.evaluation.word_counts import WordCounts

__all__ = [
    "BM25",
    "ExactMatch",
    "Perplexity",
    "TranslationScores",
    "WordCounts",
    "exact_match",
    "hybrid_scores",
    "mean_loss",
    "perplexity",
    "translation_scores",
]
