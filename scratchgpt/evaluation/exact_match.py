"""How often a model's answer to a problem with one right answer is right."""

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.generation import SamplingConfig, generate, translate
from scratchgpt.models import GPT, Transformer
from scratchgpt.text import AdditionTask, DatesTask, ExactMatch, SortTask, Tokenizer

BATCH = 512  # problems answered at once


def exact_match(model: GPT, task: AdditionTask | SortTask) -> ExactMatch:
    """The share of the held-out problems that the model, greedily, answers without a mistake."""

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


def exact_dates(
    model: Transformer, tokenizer: Tokenizer, *, n_beams: int = 1, alpha: float = 0.6
) -> ExactMatch:
    """The share of the held-out dates that the model translates without a mistake."""
    return DatesTask().exact_match(
        lambda texts: translate(model, tokenizer, texts, n_beams=n_beams, alpha=alpha)
    )
