"""Parity of the sampling filters with the logits processors of transformers."""

import numpy as np
import pytest

from scratchgpt.generation import SamplingConfig
from scratchgpt.generation.sampling import probabilities

VOCAB = 50
SETTINGS = [
    {"temperature": 0.7},
    {"temperature": 1.6, "top_k": 7},
    {"top_k": 1},
    {"top_p": 0.8},
    {"top_p": 0.05},
    {"min_p": 0.1},
    {"repetition_penalty": 1.3},
    {"repetition_penalty": 0.8, "top_p": 0.9},
    {"temperature": 0.5, "top_k": 20, "top_p": 0.7, "min_p": 0.02, "repetition_penalty": 1.1},
]


def theirs(torch, transformers, logits, texts, c):
    """Return probabilities after the processors, in the order of ``generate`` in transformers."""
    processors = []
    if c.repetition_penalty != 1:
        processors.append(transformers.RepetitionPenaltyLogitsProcessor(c.repetition_penalty))
    if c.temperature != 1:
        processors.append(transformers.TemperatureLogitsWarper(c.temperature))
    if c.top_k is not None:
        processors.append(transformers.TopKLogitsWarper(c.top_k))
    if c.top_p < 1:
        processors.append(transformers.TopPLogitsWarper(c.top_p))
    if c.min_p > 0:
        processors.append(transformers.MinPLogitsWarper(c.min_p))
    scores = torch.tensor(logits)
    for process in processors:
        scores = process(torch.tensor(texts), scores)
    return scores.softmax(-1).numpy()


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_the_same_tokens_stay_with_the_same_probabilities(
    torch, transformers, rng, settings, assert_close
):
    logits = 2 * rng.standard_normal((40, VOCAB))
    texts = rng.integers(0, VOCAB, (40, 12))
    seen = np.zeros((40, VOCAB), bool)
    np.put_along_axis(seen, texts, True, axis=-1)
    sampling = SamplingConfig(**settings)
    ours = probabilities(logits, sampling, seen)
    expected = theirs(torch, transformers, logits, texts, sampling)
    np.testing.assert_array_equal(ours > 0, expected > 0)
    assert_close(ours, expected, 1e-12)
