"""Training runs by name: the Python interface to ``scratchgpt train`` and ``scratchgpt eval``.

A recipe joins configuration, data, model and evaluation under the name of a task. ``configure``
makes the configuration of a run, ``train`` trains its model, and ``evaluate`` scores a model.
"""

from scratchgpt.recipes.config import RunConfig
from scratchgpt.recipes.data import RunData
from scratchgpt.recipes.evaluation import (
    Evaluation,
    EvaluationSettings,
    ExactMatchEvaluation,
    Watcher,
)
from scratchgpt.recipes.language import TextData, TextEvaluation
from scratchgpt.recipes.recipe import Recipe
from scratchgpt.recipes.registry import RECIPES, find_recipe
from scratchgpt.recipes.resolve import configure, read_run
from scratchgpt.recipes.runs import evaluate, start, train
from scratchgpt.recipes.tasks import TaskData
from scratchgpt.recipes.training_run import TrainingRun
from scratchgpt.recipes.translation import TranslationData
from scratchgpt.recipes.translation_recipe import TranslationEvaluation

__all__ = [
    "RECIPES",
    "Evaluation",
    "EvaluationSettings",
    "ExactMatchEvaluation",
    "Recipe",
    "RunConfig",
    "RunData",
    "TaskData",
    "TextData",
    "TextEvaluation",
    "TrainingRun",
    "TranslationData",
    "TranslationEvaluation",
    "Watcher",
    "configure",
    "evaluate",
    "find_recipe",
    "read_run",
    "start",
    "train",
]
