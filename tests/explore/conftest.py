"""Small steps to explore: GPTs and Transformers of all forms, with parameters of order 1."""

from dataclasses import replace

import numpy as np
import pytest

from scratchgpt.explore.content import prepare
from scratchgpt.explore.demo import demo_steps
from scratchgpt.explore.page import make_page, write_page
from scratchgpt.explore.step import OptimizerState, Step
from scratchgpt.models import GPT, GPTConfig, Transformer, TransformerConfig
from scratchgpt.text import PairBatch, TokenBatch
from scratchgpt.training import NextToken, TrainConfig
from scratchgpt.training.sharding import make_optimizer
from scratchgpt.training.workers import ALONE

TRAINING = {"steps": 100, "lr": 0.003, "warmup_steps": 0, "schedule": "constant", "beta2": 0.99}
SIZES = {"n_head": 3, "n_embd": 12, "block_size": 9, "vocab_size": 7}
FORMS = {
    "gpt-llama": {
        "norm": "rms",
        "positions": "rotary",
        "n_kv_head": 1,
        "gated_mlp": True,
        "activation": "silu",
        "n_inner": 20,
        "bias": False,
        "tied_head": False,
    },
    # Norms of queries and keys before the rotation, heads of another size, biases, a window.
    "gpt-wide": {
        "norm": "rms",
        "positions": "rotary",
        "rope_pairing": "neighbors",
        "head_dim": 6,
        "qk_norm": "before_rotary",
        "gated_mlp": True,
        "activation": "gelu_tanh",
        "n_inner": 10,
        "sliding_window": 3,
        "attention_soft_cap": 2.0,
    },
    # As in nanochat: norms without weights, also after the embedding and after the rotation.
    "gpt-nano": {
        "norm": "rms",
        "norm_weight": False,
        "embedding_norm": True,
        "positions": "rotary",
        "rope_reversed": True,
        "qk_norm": "after_rotary",
        "activation": "relu_squared",
        "logit_soft_cap": 3.0,
        "bias": False,
        "tied_head": False,
    },
}
KINDS = [
    "gpt",
    "gpt-post",
    "gpt-dropout",
    *FORMS,
    "transformer",
    "transformer-pre",
    "transformer-dropout",
]


def small_step(kind: str = "gpt", *, training: dict | None = None, **changes) -> Step:
    """A step of one of KINDS, with random parameters and moments."""
    rng = np.random.default_rng(3)
    dropout = 0.2 if kind.endswith("dropout") else 0.0
    if kind.startswith("gpt"):
        position = "post" if kind.endswith("post") else "pre"
        config = GPTConfig(n_layer=2, dropout=dropout, norm_position=position, **SIZES)
        model = GPT(config.replace(**{**FORMS.get(kind, {}), **changes}))
        tokens = rng.integers(0, 7, (1, 8))
        batch = TokenBatch(tokens[:, :-1], tokens[:, 1:].copy())
        batch.targets[0, 0] = -100
    else:
        position = "pre" if kind.endswith("pre") else "post"
        config = TransformerConfig(
            n_encoder_layer=1, n_decoder_layer=2, dropout=dropout, norm_position=position, **SIZES
        )
        model = Transformer(config.replace(**changes))
        tokens = rng.integers(0, 7, (1, 7))
        batch = PairBatch(rng.integers(0, 7, (1, 5)), tokens[:, :-1], tokens[:, 1:])
    for parameter in model.store.named.values():
        parameter.value[...] = rng.normal(0, 0.4, parameter.shape) + (len(parameter.shape) == 1)
    config = TrainConfig(**TRAINING | (training or {}))
    moments = {
        name: rng.uniform(0.0001, 0.001, moment.shape).astype(np.float32)
        if name.startswith("exp_avg_sq")
        else rng.normal(0, 0.01, moment.shape).astype(np.float32)
        for name, moment in make_optimizer(model.store, config, ALONE).named_moments().items()
    }
    objective = NextToken(model, label_smoothing=0.1 if dropout else 0.0)
    seed = 11 if dropout else None
    return Step(
        model,
        objective,
        batch,
        seed,
        "abcdefg".__getitem__,
        "a test",
        (),
        OptimizerState(config, moments, 5),
    )


@pytest.fixture
def make_step():
    """``make_step(kind, **settings_of_the_model)``."""
    return small_step


@pytest.fixture
def step() -> Step:
    return small_step()


@pytest.fixture(params=KINDS)
def each_step(request) -> Step:
    """A step of each kind of model."""
    return small_step(request.param)


@pytest.fixture(scope="session", params=KINDS)
def each_content(request):
    """The content of the page of each step, to be read only."""
    return prepare(small_step(request.param), landscape=False)


@pytest.fixture(scope="session")
def demo():
    """The page of a model that is trained for a few steps, with the state before training."""
    trained, start = demo_steps(steps=4)
    return make_page(trained, start=start, landscape=False)


@pytest.fixture(scope="session")
def demo_path(demo, tmp_path_factory):
    path = tmp_path_factory.mktemp("explore") / "step.html"
    write_page(demo, path)
    return path


@pytest.fixture(scope="session")
def translator_path(tmp_path_factory):
    """The page of an encoder-decoder with dropout and label smoothing."""
    path = tmp_path_factory.mktemp("explore") / "translator.html"
    write_page(make_page(small_step("transformer-dropout"), landscape=False), path)
    return path


@pytest.fixture(scope="session")
def muon_path(tmp_path_factory):
    """The page of a Llama that is trained with Muon, with the state before training."""
    path = tmp_path_factory.mktemp("explore") / "muon.html"
    step = small_step("gpt-llama", training={"optimizer": "muon"})
    start = replace(small_step("gpt-llama"), optimizer=None)
    write_page(make_page(step, start=start, landscape=False), path)
    return path


@pytest.fixture(scope="session", params=FORMS)
def form_path(request, tmp_path_factory):
    """The page of each form of GPT."""
    path = tmp_path_factory.mktemp("explore") / "form.html"
    write_page(make_page(small_step(request.param), landscape=False), path)
    return path
