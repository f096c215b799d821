import numpy as np
import pytest

from scratchgpt.finetuning import LabeledBatch
from scratchgpt.models import GPTClassifier, GPTClassifierConfig

SIZES = {"n_layer": 2, "n_head": 2, "n_embd": 6, "block_size": 8, "vocab_size": 17}
LABELS = {
    "classification": ("bad", "so so", "good"),
    "entailment": ("no", "yes"),
    "paraphrase": ("no", "yes"),
    "similarity": (),
    "choice": ("1", "2"),
}


def _make_model(problem="classification", dtype=np.float64, **changes):
    """A classifier whose parameters, biases included, have values of order 1."""
    config = GPTClassifierConfig(
        **{**SIZES, "problem": problem, "labels": LABELS[problem], **changes}
    )
    model = GPTClassifier(config, seed=2, dtype=dtype)
    rng = np.random.default_rng(7)
    model.store.values += 0.3 * rng.standard_normal(model.store.values.shape)
    return model


def _make_batch(model, n_batch=5, lengths=None):
    """Random examples of different lengths; every sequence ends with the extract token."""
    config, rng = model.config, np.random.default_rng(3)
    shape = n_batch, config.n_rows
    tokens = rng.integers(0, config.vocab_size - 1, (*shape, 7))
    if lengths is None:
        lengths = rng.integers(2, 8, shape)
    else:
        lengths = np.broadcast_to(lengths, shape).copy()
    np.put_along_axis(tokens, lengths[..., None] - 1, config.special_tokens[2], axis=2)
    if config.is_score:
        return LabeledBatch(tokens, lengths, rng.standard_normal(n_batch))
    return LabeledBatch(tokens, lengths, rng.integers(0, len(config.labels), n_batch))


@pytest.fixture(params=LABELS)
def problem(request):
    return request.param


@pytest.fixture(scope="session")
def make_model():
    return _make_model


@pytest.fixture(scope="session")
def make_batch():
    return _make_batch
