"""How good a model is, from its predictions: perplexity, exact match, translation scores.

Evaluators take numbers or texts and know no model: :mod:`scratchgpt.recipes` makes a model predict
and passes the predictions here.
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
