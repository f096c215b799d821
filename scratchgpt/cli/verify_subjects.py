"""What ``scratchgpt verify`` can prove: operations, layers and models, by name."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from scratchgpt.backend import random_stream
from scratchgpt.errors import UserError, did_you_mean
from scratchgpt.layers import (
    MLP,
    Block,
    Embedding,
    Layer,
    LayerNorm,
    Linear,
    SelfAttention,
)
from scratchgpt.models import GPT, PRESETS, GPTConfig
from scratchgpt.verify import Report, check_layer, check_model
from scratchgpt.verify.examples import EXAMPLES

# A preset is proven with a short text: memory is for its parameters.
PRESET_SHAPE = (2, 8)
# By complex step a small GPT is right to 1e-12. What kernels compute is rounded otherwise than the
# reference, which takes the step, and in a whole model that grows.
KERNEL_TOLERANCE = 1e-11


@dataclass(frozen=True)
class Check:
    """One proof that is still to be made.

    Attributes
    ----------
    kind : {"op", "layer", "model"}
    name : str
    case : str
        Which inputs or which form.
    run : callable
        Makes the proof.
    """

    kind: str
    name: str
    case: str
    run: Callable[[], Report]


def _block(norm_position: str) -> Block:
    return Block(
        6,
        3,
        10,
        dropout=0.3,
        bias=True,
        norm_position=norm_position,
        activation="gelu_tanh",
        layer_norm_epsilon=1e-5,
        proj_std=0.02,
    )


# Name and form of each layer, how to make it, and the shape of its input.
LAYERS: dict[tuple[str, str], tuple[Callable[[], Layer], tuple[int, ...]]] = {
    ("Linear", "bias"): (lambda: Linear(5, 7), (2, 3, 5)),
    ("Linear", "no bias"): (lambda: Linear(5, 7, bias=False), (2, 3, 5)),
    ("LayerNorm", "bias"): (lambda: LayerNorm(5), (2, 3, 5)),
    ("Embedding", "repeated tokens"): (lambda: Embedding(5, 4), (2, 7)),
    ("MLP", "gelu_tanh"): (
        lambda: MLP(5, 7, activation="gelu_tanh", bias=True, proj_std=0.02),
        (2, 3, 5),
    ),
    ("SelfAttention", "dropout"): (
        lambda: SelfAttention(6, 3, dropout=0.3, bias=True, proj_std=0.02),
        (2, 4, 6),
    ),
    ("Block", "pre-LN, dropout"): (lambda: _block("pre"), (2, 4, 6)),
    ("Block", "post-LN, dropout"): (lambda: _block("post"), (2, 4, 6)),
}

# Forms of a small GPT in which no two sizes are equal.
FORMS: dict[str, dict[str, Any]] = {
    "GPT-2": {},
    "GPT-1": {"norm_position": "post"},
    "untied, no bias": {"tied_head": False, "bias": False},
    "exact GELU": {"activation": "gelu"},
}
SMALL = {"n_layer": 2, "n_head": 3, "n_embd": 12, "block_size": 7, "vocab_size": 13, "n_inner": 10}


def names() -> list[str]:
    """All that can be asked for by name, except for ``all``."""
    layers = list(dict.fromkeys(name for name, _ in LAYERS))
    return [*EXAMPLES, *layers, "gpt", *PRESETS]


def find_checks(
    name: str, method: str | None, seed: int, *, with_kernels: bool = False
) -> Iterator[Check]:
    """The proofs that belong to a name; ``all`` is everything but the presets.

    Parameters
    ----------
    name : str
    method : {"complex", "central", "adjoint"}, optional
        By default complex step, and the adjoint identity for presets.
    seed : int
    with_kernels : bool
        Whether the kernels are what will be proven.

    Raises
    ------
    UserError
        If nothing has this name; suggests the nearest.
    """
    if name != "all" and name not in names():
        hint = did_you_mean(name, [*names(), "all"]) or f"; choose all, {', '.join(names())}"
        raise UserError(f"there is no operation, layer or model {name!r}{hint}")
    everything = name == "all"
    for op, example in EXAMPLES.items():
        if everything or op == name:
            for case in example.cases:
                run = _later(example.check, case, method=method or "complex", seed=seed)
                yield Check("op", op, case.note, run)
    for layer, form in LAYERS:
        if everything or layer == name:
            yield Check("layer", layer, form, _later(_check_layer, (layer, form), method, seed))
    if everything or name == "gpt":
        by_step = method in (None, "complex")
        tolerance = KERNEL_TOLERANCE if with_kernels and by_step else None
        for form in FORMS:
            run = _later(_check_gpt, form, method, seed, tolerance)
            yield Check("model", "gpt", form, run)
    if name in PRESETS:
        if method not in (None, "adjoint"):
            raise UserError(
                f"method={method!r} tests elements one by one, of which {name} has too many; "
                "leave it out (the adjoint identity proves all at once)"
            )
        yield Check("model", name, "all parameters", _later(_check_preset, name, seed))


def _later(function: Callable[..., Report], *args: Any, **options: Any) -> Callable[[], Report]:
    return lambda: function(*args, **options)


def _randomise(layer: Layer, seed: int) -> None:
    """Parameters of ordinary size, those of layer norms away from 1, biases away from 0.

    At its first values a network is nearly linear, and a wrong gradient can hide.
    """
    for name, parameter in layer.store.named.items():
        value = random_stream(seed, "verify", name).standard_normal(parameter.shape)
        is_norm = len(parameter.shape) == 1 and name.endswith("weight")
        parameter.value[...] = 0.3 + 0.5 * np.abs(value) if is_norm else value


def _check_layer(key: tuple[str, str], method: str | None, seed: int) -> Report:
    make, shape = LAYERS[key]
    layer = make().initialize(seed, np.float64)
    _randomise(layer, seed)
    rng = random_stream(seed, "verify", *key)
    x = rng.integers(0, 5, shape) if key[0] == "Embedding" else rng.standard_normal(shape)
    settings = {"dropout_seed": seed} if "dropout" in key[1] else {}
    return check_layer(layer, x, settings=settings, method=method or "complex", seed=seed)


def _check_gpt(form: str, method: str | None, seed: int, tolerance: float | None) -> Report:
    model = GPT(GPTConfig(**{**SMALL, "dropout": 0.2, **FORMS[form]}), dtype=np.float64)
    _randomise(model, seed)
    tokens, targets = random_stream(seed, "verify", form).integers(0, 13, (2, 2, 5))
    return check_model(
        model,
        tokens,
        targets,
        settings={"dropout_seed": seed},
        method=method or "complex",
        seed=seed,
        tolerance=tolerance,
        max_elements=50,
    )


def _check_preset(name: str, seed: int) -> Report:
    config = GPTConfig.from_preset(name)
    model = GPT(config, seed=seed, dtype=np.float64)
    for parameter in model.store.named.values():  # in place: there is no room for a copy
        parameter.value += 0.02 * random_stream(seed, "verify").standard_normal(parameter.shape)
    rng = random_stream(seed, "verify", "tokens")
    tokens, targets = rng.integers(0, config.vocab_size, (2, *PRESET_SHAPE))
    return check_model(model, tokens, targets, seed=seed, joint=True, n_directions=1)
