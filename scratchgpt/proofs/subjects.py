"""The operations, layers and models that ``scratchgpt verify`` checks, by name."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import random_stream
from scratchgpt.errors import UserError, did_you_mean
from scratchgpt.layers import (
    MLP,
    CrossAttention,
    DecoderBlock,
    Embedding,
    GatedMLP,
    InputEmbedding,
    Layer,
    LayerNorm,
    Linear,
    LoRALinear,
    Masks,
    QueryKey,
    RMSNorm,
    Rotary,
    SelfAttention,
)
from scratchgpt.models import (
    GPT,
    PRESETS,
    TRANSFORMER_PRESETS,
    GPTConfig,
    Transformer,
    TransformerConfig,
)
from scratchgpt.models.backbone import gpt_block
from scratchgpt.proofs.forms import FORMS, MODELS, SMALL, SMALL_TRANSFORMER, TRANSFORMER_FORMS
from scratchgpt.verify import Report, check_layer, check_model
from scratchgpt.verify.examples import EXAMPLES

# A preset is checked with a short text, because its parameters take most of the memory.
PRESET_SHAPE = (2, 8)
# A complex step reproduces the gradients of a small GPT to 1e-12. The step runs on the reference;
# kernels round differently, and the difference grows through a whole model.
KERNEL_TOLERANCE = 1e-11


@dataclass(frozen=True)
class Check:
    """One check of a backward pass, ready to run.

    Attributes
    ----------
    kind : {"op", "layer", "model"}
    name : str
    case : str
        Name of the inputs or of the form.
    run : callable
        Runs the check and returns its report.
    """

    kind: str
    name: str
    case: str
    run: Callable[[], Report]


class Subject(NamedTuple):
    """How to make a layer, the shapes of its inputs, and the settings of its forward pass."""

    make: Callable[[], Layer]
    shapes: tuple[tuple[int, ...], ...]
    settings: dict[str, Any] | None = None
    n_tokens: int | None = None  # the inputs are token ids below this number


X, MEMORY = (2, 4, 6), (2, 5, 6)
_sizes: dict[str, Any] = {"dropout": 0.3, "bias": True, "proj_std": 0.02}
_block_sizes: dict[str, Any] = {**_sizes, "activation": "gelu_tanh", "layer_norm_epsilon": 1e-5}
_last_is_padding = np.array([[False] * 5, [False] * 4 + [True]])
_biases = random_stream(0, "verify", "biases").standard_normal((4, 4))
_masks = Masks(mask=_biases, key_padding_mask=_last_is_padding[:, 1:])
_rotated = {"rotation": Rotary(10, theta=10_000.0).at(np.arange(4), like=_biases)}
_memory_masks = Masks(key_padding_mask=_last_is_padding)


def _input_embedding(positions: str) -> InputEmbedding:
    return InputEmbedding(Embedding(5, 4), 9, dropout=0.3, scale=True, positions=positions)


def _block_config(norm_position: str) -> GPTConfig:
    return GPTConfig(
        n_layer=1, n_head=3, n_embd=6, n_inner=10, dropout=0.3, norm_position=norm_position
    )


# Keys are (name, form). If the form contains "dropout", the forward pass gets a dropout seed.
LAYERS: dict[tuple[str, str], Subject] = {
    ("Linear", "bias"): Subject(partial(Linear, 5, 7), ((2, 3, 5),)),
    ("Linear", "no bias"): Subject(partial(Linear, 5, 7, bias=False), ((2, 3, 5),)),
    ("LoRALinear", "two parts, dropout"): Subject(
        lambda: LoRALinear(Linear(5, 7), [(0, 3), (4, 7)], 2, dropout=0.3), ((2, 3, 5),)
    ),
    ("LayerNorm", "bias"): Subject(partial(LayerNorm, 5), ((2, 3, 5),)),
    ("Embedding", "repeated tokens"): Subject(partial(Embedding, 5, 4), ((2, 7),), n_tokens=5),
    ("InputEmbedding", "sinusoids, dropout"): Subject(
        partial(_input_embedding, "sinusoidal"), ((2, 7),), n_tokens=5
    ),
    ("InputEmbedding", "learned positions, dropout"): Subject(
        partial(_input_embedding, "learned"), ((2, 7),), n_tokens=5
    ),
    ("RMSNorm", "weight"): Subject(partial(RMSNorm, 5), ((2, 3, 5),)),
    ("RMSNorm", "no weight"): Subject(partial(RMSNorm, 5, weight=False), ((2, 3, 5),)),
    ("MLP", "gelu_tanh"): Subject(
        partial(MLP, 5, 7, activation="gelu_tanh", bias=True, proj_std=0.02), ((2, 3, 5),)
    ),
    ("GatedMLP", "silu"): Subject(
        partial(GatedMLP, 5, 7, activation="silu", bias=False, proj_std=0.02), ((2, 3, 5),)
    ),
    ("SelfAttention", "causal, dropout"): Subject(partial(SelfAttention, 6, 3, **_sizes), (X,)),
    ("SelfAttention", "masks, dropout"): Subject(
        partial(SelfAttention, 6, 3, **_sizes), (X,), {"masks": _masks}
    ),
    ("SelfAttention", "rotary positions, norms"): Subject(
        lambda: SelfAttention(6, 3, head_size=10, query_key=QueryKey(10), **_sizes), (X,), _rotated
    ),
    ("CrossAttention", "padding, dropout"): Subject(
        partial(CrossAttention, 6, 3, **_sizes), (X, MEMORY), {"masks": _memory_masks}
    ),
    ("Block", "pre-LN, dropout"): Subject(partial(gpt_block, _block_config("pre"), 0), (X,)),
    ("Block", "post-LN, dropout"): Subject(partial(gpt_block, _block_config("post"), 0), (X,)),
    ("DecoderBlock", "pre-LN, dropout"): Subject(
        partial(DecoderBlock, 6, 3, 10, norm_position="pre", **_block_sizes), (X, MEMORY)
    ),
    ("DecoderBlock", "post-LN, masks, dropout"): Subject(
        partial(DecoderBlock, 6, 3, 10, norm_position="post", **_block_sizes),
        (X, MEMORY),
        {"masks": _masks, "memory_masks": _memory_masks},
    ),
}

ALL_PRESETS = [*PRESETS, *TRANSFORMER_PRESETS]


def names() -> list[str]:
    """Return every name that :func:`find_checks` takes, except ``all``."""
    layers = list(dict.fromkeys(name for name, _ in LAYERS))
    return [*EXAMPLES, *layers, *MODELS, *ALL_PRESETS]


def check_name(name: str) -> None:
    """Raise UserError unless :func:`find_checks` takes this name."""
    if name != "all" and name not in names():
        hint = did_you_mean(name, [*names(), "all"]) or f"; choose all, {', '.join(names())}"
        raise UserError(f"there is no operation, layer or model {name!r}{hint}")


def find_checks(
    name: str, method: str | None, seed: int, *, with_kernels: bool = False
) -> Iterator[Check]:
    """Find the checks for a name; ``all`` means all names except the presets.

    Parameters
    ----------
    name : str
    method : {"complex", "central", "adjoint"}, optional
        By default complex step, or the adjoint identity for presets.
    seed : int
    with_kernels : bool
        Whether the kernels will be checked instead of the reference.

    Raises
    ------
    UserError
        If the name is unknown; the message suggests the nearest name.
    """
    check_name(name)
    everything = name == "all"
    for op, example in EXAMPLES.items():
        if everything or op == name:
            for case in example.cases:
                run = partial(example.check, case, method=method or "complex", seed=seed)
                yield Check("op", op, case.note, run)
    for layer, form in LAYERS:
        if everything or layer == name:
            yield Check("layer", layer, form, partial(_check_layer, (layer, form), method, seed))
    by_step = method in (None, "complex")
    tolerance = KERNEL_TOLERANCE if with_kernels and by_step else None
    for model, forms in MODELS.items():
        if everything or name == model:
            for form in forms:
                run = partial(_check_small, model, form, method, seed, tolerance)
                yield Check("model", model, form, run)
    if name in ALL_PRESETS:
        if method not in (None, "adjoint"):
            raise UserError(
                f"method={method!r} checks elements one by one, and {name} has too many; leave it "
                "out to use the adjoint identity, which checks all at once"
            )
        yield Check("model", name, "all parameters", partial(_check_preset, name, seed))


def _randomize(layer: Layer, seed: int, size: float = 1.0) -> None:
    """Sample matrices and biases of the order of ``size``, and layer norm weights away from 1.

    With its initial values a network is nearly linear, which can hide a wrong gradient.
    """
    for name, parameter in layer.store.named.items():
        value = random_stream(seed, "verify", name).standard_normal(parameter.shape)
        is_norm = len(parameter.shape) == 1 and name.endswith("weight")
        parameter.value[...] = 0.3 + 0.5 * np.abs(value) if is_norm else size * value


def new_layer(key: tuple[str, str], seed: int) -> tuple[Layer, list[Any], dict[str, Any]]:
    """Make the layer of a form, its inputs, and the settings of its forward pass."""
    make, shapes, settings, n_tokens = LAYERS[key]
    layer = make().initialize(seed, np.float64)
    _randomize(layer, seed)
    rng = random_stream(seed, "verify", *key)
    inputs = [
        rng.integers(0, n_tokens, shape) if n_tokens else rng.standard_normal(shape)
        for shape in shapes
    ]
    settings = dict(settings or {})
    if "dropout" in key[1]:
        settings["dropout_seed"] = seed
    return layer, inputs, settings


def _check_layer(key: tuple[str, str], method: str | None, seed: int) -> Report:
    layer, inputs, settings = new_layer(key, seed)
    return check_layer(layer, *inputs, settings=settings, method=method or "complex", seed=seed)


def new_small(name: str, form: str, seed: int) -> tuple[Any, tuple[Any, ...]]:
    """Make the small model of a form, and the arrays that its loss takes."""
    rng = random_stream(seed, "verify", form)
    data = tuple(rng.integers(0, 13, (2, 2, 5)))
    model: GPT | Transformer
    if name == "gpt":
        model = GPT(GPTConfig(**{**SMALL, **FORMS[form]}), dtype=np.float64)
        _randomize(model, seed)
    else:
        config = TransformerConfig(**{**SMALL_TRANSFORMER, **TRANSFORMER_FORMS[form]})
        model = Transformer(config, dtype=np.float64)
        # With many saturated softmaxes, gradients are small compared with their rounding errors.
        _randomize(model, seed, size=0.5)
        source = rng.integers(1, 13, (2, 6))
        source[1, 4:] = 0
        data = source, *data
    return model, data


def _check_small(
    name: str, form: str, method: str | None, seed: int, tolerance: float | None
) -> Report:
    model, data = new_small(name, form, seed)
    return check_model(
        model,
        *data,
        settings={"dropout_seed": seed},
        method=method or "complex",
        seed=seed,
        tolerance=tolerance,
        max_elements=50,
    )


def new_preset(name: str, seed: int) -> tuple[Any, tuple[Any, ...]]:
    """Make the model of a preset, and the arrays that its loss takes."""
    model: GPT | Transformer
    if name in PRESETS:
        model, n_texts = GPT(GPTConfig.from_preset(name), seed=seed, dtype=np.float64), 2
    else:
        config = TransformerConfig.from_preset(name)
        model, n_texts = Transformer(config, seed=seed, dtype=np.float64), 3
    for parameter in model.store.named.values():  # in place: a copy does not fit into memory
        parameter.value += 0.02 * random_stream(seed, "verify").standard_normal(parameter.shape)
    rng = random_stream(seed, "verify", "tokens")
    return model, tuple(rng.integers(0, model.config.vocab_size, (n_texts, *PRESET_SHAPE)))


def _check_preset(name: str, seed: int) -> Report:
    model, data = new_preset(name, seed)
    return check_model(model, *data, seed=seed, joint=True, n_directions=1)
