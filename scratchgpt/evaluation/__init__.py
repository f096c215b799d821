"""Scores of predictions: perplexity, exact match, BLEU and chrF.

The functions take numbers or texts and do not depend on a model. :mod:`scratchgpt.recipes` computes
the predictions of a model and passes them to this package.
"""

from scratchgpt.evaluation.exact_match import ExactMatch, exact_match
from scratchgpt.evaluation.perplexity import Perplexity, mean_loss, perplexity
from scratchgpt.evaluation.translation_scores import TranslationScores, translation_scores

__all__ = [
    "ExactMatch",
    "Perplexity",
    "TranslationScores",
    "exact_match",
    "mean_loss",
    "perplexity",
    "translation_scores",
]
