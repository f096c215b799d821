"""Classes that no example was given for: texts by their labels, others by their attributes."""

from scratchgpt.zero_shot.animals.pictures import draw_animals
from scratchgpt.zero_shot.animals.sheet import draw_sheet
from scratchgpt.zero_shot.animals.task import AnimalTask, animal_task
from scratchgpt.zero_shot.attributes.checks import binary_attributes
from scratchgpt.zero_shot.attributes.dap import DAP
from scratchgpt.zero_shot.attributes.eszsl import ESZSL
from scratchgpt.zero_shot.attributes.evaluate import Result, evaluate
from scratchgpt.zero_shot.attributes.floors import Majority, NearestSeen
from scratchgpt.zero_shot.attributes.generalized import Generalized
from scratchgpt.zero_shot.attributes.iap import IAP
from scratchgpt.zero_shot.attributes.splits import read_attribute_task
from scratchgpt.zero_shot.attributes.task import AttributeTask, standardized
from scratchgpt.zero_shot.classification import Classification, best_labels
from scratchgpt.zero_shot.classify import Classifier, classify
from scratchgpt.zero_shot.language_model import LanguageModel

__all__ = [
    "DAP",
    "ESZSL",
    "IAP",
    "AnimalTask",
    "AttributeTask",
    "Classification",
    "Classifier",
    "Generalized",
    "LanguageModel",
    "Majority",
    "NearestSeen",
    "Result",
    "animal_task",
    "best_labels",
    "binary_attributes",
    "classify",
    "draw_animals",
    "draw_sheet",
    "evaluate",
    "read_attribute_task",
    "standardized",
]
