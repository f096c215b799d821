"""Classes that no example was given for: texts by their labels."""

from scratchgpt.zero_shot.classification import Classification, best_labels
from scratchgpt.zero_shot.classify import Classifier, classify
from scratchgpt.zero_shot.language_model import LanguageModel

__all__ = [
    "Classification",
    "Classifier",
    "LanguageModel",
    "best_labels",
    "classify",
]
