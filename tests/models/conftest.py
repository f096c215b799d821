"""Small models in all their forms, with different sizes and parameters of ordinary size."""

import importlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from scratchgpt import kernels
from scratchgpt.backend import random_stream
from scratchgpt.models import GPT, GPTConfig, Transformer, TransformerConfig
from scratchgpt.models.families import their_arrays, their_name
from scratchgpt.proofs.forms import FAMILY_FORMS

SIZES: dict[str, Any] = {
    "n_layer": 2,
    "n_head": 3,
    "n_embd": 12,
    "block_size": 7,
    "vocab_size": 13,
    "n_inner": 10,
}


@dataclass(frozen=True)
class ModelCase:
    """A form of GPT, and further arguments of its forward."""

    note: str
    changes: dict[str, Any]
    settings: dict[str, Any] = field(default_factory=dict)
    shape: tuple[int, int] = (2, 5)

    def build(self, dtype: Any = np.float64) -> GPT:
        """Create a model with parameters of magnitude 1, those of layer norms away from 1."""
        return randomize(GPT(GPTConfig(**{**SIZES, **self.changes}), dtype=dtype))

    @property
    def loss_settings(self) -> dict[str, Any]:
        """Arguments of the loss whose gradient is checked."""
        return self.settings

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """Tokens, some of them repeated, and targets, some of them ignored."""
        rng = random_stream(5, self.note)
        tokens, targets = rng.integers(0, SIZES["vocab_size"], (2, *self.shape))
        tokens[:, -1] = tokens[:, 0]
        targets[0, 0] = -100 if targets.size > 1 else targets[0, 0]
        return tokens, targets


def randomize(model: Any, size: float = 1.0) -> Any:
    """Set matrices and biases to values of magnitude ``size``, weights of norms away from 1."""
    for name, parameter in model.store.named.items():
        value = random_stream(4, name).standard_normal(parameter.shape)
        if ("ln_" in name or "_norm" in name) and name.endswith("weight"):
            value = 0.3 + 0.5 * np.abs(value)
        else:
            value *= size
        parameter.value[...] = value
    return model


TRANSFORMER_SIZES: dict[str, Any] = {
    "n_encoder_layer": 2,
    "n_decoder_layer": 3,
    "n_head": 3,
    "n_embd": 12,
    "n_inner": 10,
    "block_size": 7,
    "vocab_size": 13,
    "dropout": 0.0,
}


@dataclass(frozen=True)
class TransformerCase:
    """A form of Transformer, and further arguments of its forward."""

    note: str
    changes: dict[str, Any]
    settings: dict[str, Any] = field(default_factory=dict)
    shape: tuple[int, int, int] = (2, 5, 4)  # B, S, T

    def build(self, dtype: Any = np.float64) -> Transformer:
        config = TransformerConfig(**{**TRANSFORMER_SIZES, **self.changes})
        # Half the size: the encoder is below many saturated softmaxes, so its gradients would be
        # small compared with rounding errors, which come from larger intermediate values.
        return randomize(Transformer(config, dtype=dtype), size=0.5)

    @property
    def loss_settings(self) -> dict[str, Any]:
        """Arguments of the loss whose gradient is checked."""
        return {**self.settings, "label_smoothing": 0.1}

    def data(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """A source with one padded row, the decoder input, and the targets."""
        n_batch, n_source, n_target = self.shape
        rng = random_stream(5, self.note)
        src = rng.integers(1, TRANSFORMER_SIZES["vocab_size"], (n_batch, n_source))
        tgt, targets = rng.integers(1, 13, (2, n_batch, n_target))
        if n_batch > 1:
            src[1, 3:] = 0
            targets[0, -1] = -100
        return src, tgt, targets


DROPOUT = {"dropout_seed": 11}
RECOMPUTE = {"recompute": True}
BOTH = {**DROPOUT, **RECOMPUTE}
POST: dict[str, Any] = {"norm_position": "post"}
UNTIED: dict[str, Any] = {"tied_head": False}
NO_BIAS: dict[str, Any] = {"bias": False}
SCALED: dict[str, Any] = {"scale_attn_by_inverse_layer_idx": True}
GROUPS: dict[str, Any] = {"n_head": 4, "n_kv_head": 2, "n_embd": 12, "head_dim": 6}
YARN = {"rope_type": "yarn", "factor": 2.0, "original_max_position_embeddings": 4}
CAPPED: dict[str, Any] = {
    **{"positions": "rotary", "rope_pairing": "neighbors", "rope_scaling": YARN, **GROUPS},
    **{"attention_soft_cap": 2.0, "logit_soft_cap": 3.0, "norm": "rms", "bias": False},
    **{"qkv_bias": True, "sliding_window": 3, "window_layers": (True, False)},
}
CASES = (
    ModelCase("gpt2", {}),
    ModelCase("gpt2, dropout", {"dropout": 0.25}, DROPOUT),
    ModelCase("gpt2, dropout, recompute", {"dropout": 0.25}, BOTH),
    ModelCase("gpt2, untied, no bias", {**UNTIED, **NO_BIAS}),
    ModelCase("gpt2, exact gelu, recompute", {"activation": "gelu"}, RECOMPUTE),
    ModelCase("gpt1", POST),
    ModelCase("gpt1, untied, dropout", {**POST, **UNTIED, "dropout": 0.2}, DROPOUT),
    ModelCase("gpt1, no bias, dropout, recompute", {**POST, **NO_BIAS, "dropout": 0.3}, BOTH),
    ModelCase("relu, untied", {"activation": "relu", **UNTIED}),
    ModelCase("one token", {"dropout": 0.25}, DROPOUT, shape=(1, 1)),
    ModelCase("one row, full block", {"layer_norm_epsilon": 0.1}, shape=(1, 7)),
    ModelCase("scores divided by layer", SCALED),
    ModelCase("gpt1, scores divided by layer, recompute", {**POST, **SCALED}, RECOMPUTE),
    ModelCase("scores as they are", {"scale_attn_weights": False}),
    ModelCase("one layer, one head", {"n_layer": 1, "n_head": 1}, shape=(3, 4)),
    *(ModelCase(name, form) for name, form in FAMILY_FORMS.items()),
    ModelCase("llama, dropout", {**FAMILY_FORMS["llama"], "dropout": 0.2}, DROPOUT),
    ModelCase("nanochat, dropout, recompute", {**FAMILY_FORMS["nanochat"], "dropout": 0.2}, BOTH),
    ModelCase("soft caps, neighbors, yarn", CAPPED),
    ModelCase("post-norm, gates, biases", {**POST, "norm": "rms", "gated_mlp": True, **GROUPS}),
)

PADDING: dict[str, Any] = {"padding_id": 0}
PRE: dict[str, Any] = {"norm_position": "pre"}
APART: dict[str, Any] = {"shared_embeddings": False, "source_vocab_size": 14, "tied_head": False}
_mask = np.random.default_rng(7)
ALL_MASKS: dict[str, Any] = {
    "src_mask": _mask.standard_normal((5, 5)),
    "tgt_mask": np.triu(np.ones((4, 4), bool), 2),
    "memory_mask": np.where(_mask.random((4, 5)) < 0.3, -np.inf, 0.0),
    "src_key_padding_mask": np.array([[False] * 5, [False] * 3 + [True] * 2]),
    "tgt_key_padding_mask": np.array([[False] * 4, [False] * 3 + [True]]),
    "memory_key_padding_mask": np.array([[False] * 3 + [True] * 2, [False] * 5]),
}
TRANSFORMER_CASES = (
    TransformerCase("the paper's", PADDING),
    TransformerCase("the paper's, dropout", {**PADDING, "dropout": 0.25}, DROPOUT),
    TransformerCase("the paper's, dropout, recompute", {**PADDING, "dropout": 0.25}, BOTH),
    TransformerCase("pre-LN, dropout", {**PRE, "dropout": 0.2, "activation": "gelu"}, DROPOUT),
    TransformerCase("pre-LN, padding, recompute", {**PRE, **PADDING}, RECOMPUTE),
    TransformerCase("apart, learned positions", {**APART, "positions": "learned"}),
    TransformerCase("no bias, not scaled", {**NO_BIAS, **PRE, "scale_embeddings": False}),
    TransformerCase("all masks, dropout", {"dropout": 0.2}, {**ALL_MASKS, **DROPOUT}),
    TransformerCase("all masks, pre-LN, recompute", PRE, {**ALL_MASKS, **RECOMPUTE}),
    TransformerCase("not causal", PADDING, {"tgt_is_causal": False}),
    TransformerCase("one token each", {**PRE, "dropout": 0.2}, DROPOUT, shape=(1, 1, 1)),
    TransformerCase("full blocks", {"layer_norm_epsilon": 0.1}, shape=(1, 7, 7)),
    TransformerCase("one layer, one head", {"n_encoder_layer": 1, "n_decoder_layer": 1}),
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    gpts = [pytest.param(case, id=case.note) for case in CASES]
    transformers = [pytest.param(case, id=case.note) for case in TRANSFORMER_CASES]
    of_name = {
        "model_case": gpts,
        "transformer_case": transformers,
        "any_case": gpts + transformers,
    }
    for name, cases in of_name.items():
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, cases)


@pytest.fixture
def small_gpt() -> Any:
    """``small_gpt(**changes)`` creates a model with parameters of ordinary size."""
    return lambda dtype=np.float64, **changes: ModelCase("", changes).build(dtype)


@pytest.fixture
def small_transformer() -> Any:
    """``small_transformer(**changes)`` creates an encoder-decoder model in the same way."""
    return lambda dtype=np.float64, **changes: TransformerCase("", changes).build(dtype)


@pytest.fixture(scope="session")
def gradients() -> Any:
    """``gradients(model, *data, **settings)`` returns the loss, and all gradients."""

    def loss_and_gradients(model: Any, *data: np.ndarray, **settings: Any) -> tuple[Any, ...]:
        model.store.zero_grad()
        loss, saved = model.loss(*data, **settings)
        model.loss_backward(1.0, saved)
        return float(loss), model.store.grads.copy()

    return loss_and_gradients


@pytest.fixture
def flops(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Count the operations of all matrix products, 2 m n k each, in a list."""
    counted = []
    matmul = np.matmul

    def counting(a, b, **options):
        counted.append(2 * matmul(a, b).size * a.shape[-1])
        return matmul(a, b, **options)

    monkeypatch.setattr(np, "matmul", counting)
    with kernels.disabled():
        yield counted


_GPT_SIZES = {
    **{"n_layer": 3, "n_head": 3, "n_embd": 24, "n_positions": 56, "vocab_size": 61},
    **{"attn_pdrop": 0.0, "embd_pdrop": 0.0, "resid_pdrop": 0.0},
}
_ROTARY_SIZES = {
    **{"num_hidden_layers": 3, "num_attention_heads": 6, "num_key_value_heads": 2},
    **{"hidden_size": 36, "intermediate_size": 22, "max_position_embeddings": 56},
    # A token of padding would have no gradient.
    **{"vocab_size": 61, "pad_token_id": None, "bos_token_id": None, "eos_token_id": None},
}

_ROPE_MODULE = "transformers.modeling_rope_utils"


class InFloat64:
    """Stands for the module ``torch``, with float64 under the names of float32."""

    def __init__(self, torch: Any) -> None:
        self.torch = torch
        self.float = self.float32 = torch.float64

    def __getattr__(self, name: str) -> Any:
        return getattr(self.torch, name)


@pytest.fixture
def make_peer(torch, transformers, tmp_path, monkeypatch):
    """``make_peer(family, form, dtype)`` returns a transformers model and its saved folder.

    Some layers of transformers compute in float32 for every dtype. With ``dtype="float64"`` they
    compute in float64, and are otherwise unchanged.
    """

    def make(family, form, dtype="float64", base=False):
        target = getattr(torch, dtype)
        is_gpt = family in ("gpt2", "openai-gpt")
        if dtype == "float64" and not is_gpt:
            modules = f"transformers.models.{family}.modeling_{family}", _ROPE_MODULE
            for module in map(importlib.import_module, modules):
                monkeypatch.setattr(module, "torch", InFloat64(torch))
            monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)
        sizes = _GPT_SIZES if is_gpt else _ROTARY_SIZES
        config = transformers.AutoConfig.for_model(family, **{**sizes, **form})
        auto = transformers.AutoModel if base else transformers.AutoModelForCausalLM
        peer = auto.from_config(config).double().eval()
        generator = torch.Generator().manual_seed(5)
        with torch.no_grad():
            for name, parameter in peer.named_parameters():
                noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
                is_norm = (".ln_" in name or "norm" in name) and name.endswith("weight")
                parameter.copy_(1 + 0.3 * noise if is_norm else 0.4 * noise)
        peer = peer.to(target)
        peer.save_pretrained(tmp_path / "theirs")
        return peer, tmp_path / "theirs"

    return make


@pytest.fixture(scope="session")
def in_our_names() -> Any:
    """``in_our_names(arrays, model)`` returns our arrays, filled with those of a peer.

    ``arrays`` are its parameters or their gradients, by name.
    """

    def convert(arrays, model, model_type):
        ours = {name: np.full(x.shape, np.nan) for name, x in model.arrays().items()}
        views = their_arrays(ours, model.config, model_type)
        named = {their_name(name, model_type): array for name, array in arrays.items()}
        assert named.keys() == views.keys()
        for name, array in named.items():
            views[name][...] = array
        return ours

    return convert
