"""The registry of model kinds: the files that it writes, and the registration of a new kind."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from scratchgpt.errors import UserError
from scratchgpt.layers import Embedding, Head, Parameter
from scratchgpt.layers.parameters import normal
from scratchgpt.models import (
    ALL_PRESETS,
    GPT,
    KINDS,
    Description,
    GPTClassifier,
    GPTClassifierConfig,
    GPTConfig,
    GPTEncoder,
    GPTEncoderConfig,
    GPTReward,
    GPTRewardConfig,
    LossSaved,
    Model,
    ModelConfig,
    ModelKind,
    Preset,
    QuantizedGPT,
    Transformer,
    TransformerConfig,
    describe,
    kind_of,
    kind_of_config,
    load_pretrained,
    load_quantized,
    preset_config,
    register_kind,
    save_pretrained,
)
from scratchgpt.models.families import FAMILIES, form_of
from scratchgpt.models.pretrained import (
    config_from_json,
    config_to_json,
    is_quantized,
    load_weights,
    read_config,
)
from scratchgpt.ops import cross_entropy_forward
from scratchgpt.verify import check_model

RECORDED = Path(__file__).parent / "recorded"
SIZES = {"n_layer": 2, "n_head": 3, "n_embd": 6, "block_size": 5, "vocab_size": 7}
OF_TRANSFORMER = {"n_encoder_layer": 1, "n_decoder_layer": 2, "n_head": 2, "n_embd": 6}

# Other programs do not generate with these.
OURS = (
    "scratchgpt-gpt-encoder",
    "scratchgpt-gpt-classifier",
    "scratchgpt-gpt-reward",
    "scratchgpt-transformer",
)


def small_models():
    """A small model of each model type, by name."""
    of_gpt1 = {"norm_position": "post", "activation": "relu"}
    of_ours = {"bias": False, "activation": "gelu", "n_inner": 10}
    config = TransformerConfig(**OF_TRANSFORMER, vocab_size=11, padding_id=3)
    of_today = {**SIZES, "n_inner": 10, "n_kv_head": 1, "head_dim": 4}
    families = {
        name: GPT(GPTConfig(**of_today, **form_of(name)))
        for name in FAMILIES
        if name not in ("gpt2", "openai-gpt")
    }
    return {
        **families,
        "gpt2": GPT(GPTConfig(**SIZES, dropout=0.1)),
        "openai-gpt": GPT(GPTConfig(**SIZES, **of_gpt1)),
        "scratchgpt": GPT(GPTConfig(**SIZES, **of_ours)),
        "scratchgpt-int8": QuantizedGPT(GPT(GPTConfig(**SIZES))),
        "scratchgpt-gpt-encoder": GPTEncoder(GPTEncoderConfig(**SIZES, dims=(4, 2))),
        "scratchgpt-gpt-classifier": GPTClassifier(GPTClassifierConfig(**SIZES, labels=("a", "b"))),
        "scratchgpt-gpt-reward": GPTReward(GPTRewardConfig(**SIZES)),
        "scratchgpt-transformer": Transformer(config),
    }


each_type = pytest.mark.parametrize("model_type", small_models())


@each_type
def test_the_json_files_are_those_of_earlier_versions_byte_for_byte(model_type, tmp_path):
    save_pretrained(small_models()[model_type], tmp_path, end_of_text=6)
    recorded = (RECORDED / f"{model_type}.json").read_bytes()
    assert (tmp_path / "config.json").read_bytes() == recorded
    generation = tmp_path / "generation_config.json"
    if model_type in OURS:
        assert not generation.exists()
    else:
        assert generation.read_bytes() == (RECORDED / "generation_config.json").read_bytes()


@each_type
def test_a_recorded_configuration_is_read(model_type):
    values = json.loads((RECORDED / f"{model_type}.json").read_text())
    assert config_from_json(values) == small_models()[model_type].config
    assert config_from_json(values, dropout=0.25).dropout == 0.25


def test_every_model_type_is_recorded():
    known = {model_type for kind in KINDS for model_type in kind.model_types}
    assert known == set(small_models())


@each_type
def test_each_model_finds_its_kind(model_type):
    model = small_models()[model_type]
    assert model_type in kind_of(model).model_types
    assert kind_of(model).quantized == (model_type == "scratchgpt-int8")
    trained = kind_of_config(model.config)
    assert not trained.quantized
    assert trained.config is type(model.config)


def test_a_preset_of_any_kind_is_found():
    assert preset_config("char") == GPTConfig.from_preset("char")
    assert preset_config("transformer-tiny") == TransformerConfig.from_preset("transformer-tiny")
    with pytest.raises(UserError, match="unknown preset 'transformer-bug'; did you mean 'trans"):
        preset_config("transformer-bug")


@dataclass(frozen=True)
class ToyConfig(ModelConfig):
    kind = "toy"
    task = "guesses"
    verb = "guess"

    n_toy_layer: int = 1
    n_head: int = 1
    n_embd: int = 4
    block_size: int = 6
    vocab_size: int = 5
    dropout: float = 0.0


class Toy(Model):
    """Predicts the next token from the current token alone."""

    def __init__(self, config, *, seed=0, dtype=np.float32):
        self.config = config
        self.wte = Embedding(config.vocab_size, config.n_embd)
        self.lm_head = Head(Parameter((config.vocab_size, config.n_embd), normal(1.0)))
        self.initialize(seed, dtype)

    def forward(self, tokens, *, dropout_seed=None):
        x, wte = self.wte.forward(tokens)
        logits, lm_head = self.lm_head.forward(x)
        return logits, (wte, lm_head)

    def backward(self, dlogits, saved):
        wte, lm_head = saved
        self.wte.backward(self.lm_head.backward(dlogits, lm_head), wte)

    def loss(self, tokens, targets, *, dropout_seed=None):
        logits, saved = self.forward(tokens, dropout_seed=dropout_seed)
        loss, cross_entropy = cross_entropy_forward(logits, targets)
        return loss, LossSaved(saved, cross_entropy)


def count_toy(config, n_batch, itemsize):
    n = 2 * config.vocab_size * config.n_embd
    return Description(n, n // 2, itemsize * n, 3 * itemsize * n, n_batch, 0, 0, 0, 0, 2 * n, 6 * n)


@pytest.fixture
def toy(monkeypatch):
    """Register a kind of model with one call, and a preset with one entry of the table."""
    kind = ModelKind(Toy, ToyConfig, ("scratchgpt-toy",), count_toy)
    register_kind(kind)
    monkeypatch.setitem(ALL_PRESETS, "toy-wide", Preset("toy", {"n_embd": 8}))
    yield Toy(ToyConfig(n_embd=3), seed=2)
    KINDS.remove(kind)


def test_a_further_kind_is_saved_and_loaded(toy, tmp_path):
    save_pretrained(toy, tmp_path, end_of_text=4)
    names = {"config.json", "model.safetensors"}
    assert {file.name for file in tmp_path.iterdir()} == names
    assert json.loads((tmp_path / "config.json").read_text()) == {
        **{"architectures": ["Toy"], "model_type": "scratchgpt-toy"},
        **toy.config.as_dict(),
    }
    for read in (load_pretrained, Toy.from_pretrained):
        again = read(tmp_path, dtype=np.float64)
        assert type(again) is Toy
        assert again.config == toy.config == read_config(tmp_path)
        assert again.dtype == np.float64
        np.testing.assert_array_equal(again.store.values, toy.astype(float).store.values)
    assert read(tmp_path, dropout=0.5).config.dropout == 0.5

    other = Toy(toy.config, seed=9)
    load_weights(tmp_path, other)
    np.testing.assert_array_equal(other.store.values, toy.store.values)
    toy.save_pretrained(tmp_path / "again", shard_bytes=70)
    assert len(list((tmp_path / "again").glob("*.safetensors"))) == 2
    again = Toy.from_pretrained(tmp_path / "again")
    np.testing.assert_array_equal(again.store.values, toy.store.values)


def test_a_further_kind_is_distinguished_from_the_others(toy, tmp_path):
    toy.save_pretrained(tmp_path / "toy")
    GPT(GPTConfig(**SIZES)).save_pretrained(tmp_path / "gpt")
    assert not is_quantized(tmp_path / "toy")
    with pytest.raises(UserError, match="is not a GPT; read it with load_pretrained"):
        GPT.from_pretrained(tmp_path / "toy")
    with pytest.raises(UserError, match="is not a Toy; read it with load_pretrained"):
        Toy.from_pretrained(tmp_path / "gpt")
    with pytest.raises(UserError, match="is not quantized"):
        load_quantized(tmp_path / "toy")
    values = {**config_to_json(toy.config), "n_layer": 3}
    (tmp_path / "toy" / "config.json").write_text(json.dumps(values))
    with pytest.raises(UserError, match=r"is not the configuration of a Toy: .*'n_layer'"):
        load_pretrained(tmp_path / "toy")
    with pytest.raises(UserError, match="the preset 'toy-wide' is not of kind GPT; choose one of"):
        GPTConfig.from_preset("toy-wide")


def test_a_further_kind_is_described_cast_and_listed(toy, tmp_path, capsys):
    from scratchgpt.cli.info import info_command

    assert toy.describe(n_batch=7) == describe(toy.config, n_batch=7) == count_toy(toy.config, 7, 4)
    double = toy.astype(np.float64)
    assert type(double) is Toy
    assert double.describe().parameter_bytes == 2 * toy.describe().parameter_bytes

    assert preset_config("toy-wide") == ToyConfig(n_embd=8)
    info_command(None)
    assert "toy-wide" in capsys.readouterr().out
    toy.save_pretrained(tmp_path)
    info_command(str(tmp_path), as_json=True)
    assert json.loads(capsys.readouterr().out)["n_parameters"] == 30


def test_a_further_kind_has_its_backward_pass_proven(toy):
    rng = np.random.default_rng(3)
    tokens, targets = rng.integers(0, 5, (2, 2, 4))
    assert check_model(toy.astype(np.float64), tokens, targets).passed


def test_a_further_kind_has_its_verb(toy, tmp_path):
    from scratchgpt.recipes.model_folder import load_gpt

    toy.save_pretrained(tmp_path)
    with pytest.raises(UserError, match="guesses; use scratchgpt guess"):
        load_gpt(tmp_path)


def test_a_model_type_belongs_to_one_kind(toy):
    with pytest.raises(ValueError, match="model_type='gpt2' already belongs to GPT"):
        register_kind(ModelKind(Toy, ToyConfig, ("scratchgpt-other", "gpt2"), count_toy))
    assert all("scratchgpt-other" not in kind.model_types for kind in KINDS)


def test_unregistered_classes_are_refused():
    with pytest.raises(TypeError, match="Toy is not a registered kind of model"):
        save_pretrained(Toy(ToyConfig()), "anywhere")
    with pytest.raises(TypeError, match="ToyConfig is not the configuration of a registered kind"):
        describe(ToyConfig())
