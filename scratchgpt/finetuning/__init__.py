"""Fine-tuning of a GPT on labels, as in GPT-1: classification, entailment, similarity, choice.

Radford et al. 2018, "Improving language understanding by generative pre-training".
"""

from scratchgpt.finetuning.batches import LabeledBatch, LabeledBatches, LabeledRows
from scratchgpt.finetuning.examples import Examples, label_names, read_examples, split_examples
from scratchgpt.finetuning.fine_tuning import FineTuning, FineTuningSaved
from scratchgpt.finetuning.inputs import InputRows
from scratchgpt.finetuning.text_classifier import Prediction, TextClassifier

__all__ = [
    "Examples",
    "FineTuning",
    "FineTuningSaved",
    "InputRows",
    "LabeledBatch",
    "LabeledBatches",
    "LabeledRows",
    "Prediction",
    "TextClassifier",
    "label_names",
    "read_examples",
    "split_examples",
]
