"""How often a model's greedy answer to a task's problem is right."""

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.generation import SamplingConfig, generate
from scratchgpt.models import GPT
from scratchgpt.text import AdditionTask, ExactMatch, SortTask

BATCH = 512  # problems answered at once


def exact_match(model: GPT, task: AdditionTask | SortTask) -> ExactMatch:
    """The share of the held-out problems that the model answers without a wrong symbol."""

    def predict(prompts: Array) -> Array:
        """prompts (N, P) -> answers (N, A)"""
        answers = []
        for start in range(0, len(prompts), BATCH):
            results = generate(
                model,
                list(prompts[start : start + BATCH]),
                max_new_tokens=task.answer_length,
                sampling=SamplingConfig(temperature=0),
            )
            answers += [result.tokens for result in results]
        return np.stack(answers)

    return task.exact_match(predict, split="test")
