"""Models with low-rank adapters (Hu et al. 2021, arXiv:2106.09685).

The adapters are parameters of a new flat store, which is all that training sees: gradients, moments
and checkpoints have the size of the adapters. The parameters that the model had before stay in
their own store, frozen and without memory for gradients.
"""

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from scratchgpt.backend import random_stream, to_host
from scratchgpt.errors import UserError
from scratchgpt.layers import Layer, LoRALinear, LowRank, ParameterStore
from scratchgpt.layers.device import move_parameters
from scratchgpt.models.backbone import Backbone
from scratchgpt.models.lora_config import LoRAConfig
from scratchgpt.models.lora_names import LinearMap, find_maps

M = TypeVar("M", bound=Layer)

_FROZEN = ("transformer", "lm_head")  # parts of a model that adapters leave frozen


class LoRA(NamedTuple):
    """What a model with adapters has besides its layers.

    Attributes
    ----------
    config : LoRAConfig
    base : ParameterStore
        The frozen parameters.
    folder : Path or None
        The folder of the model that has the adapters, for other programs.
    """

    config: LoRAConfig
    base: ParameterStore
    folder: Path | None = None


def add_lora(
    model: M, config: LoRAConfig, *, seed: int | None = 0, folder: Path | None = None
) -> M:
    """Add low-rank adapters to a model, in place, and return it.

    Afterwards only the adapters are trained, and heads that are not part of a language model: the
    classifier of a :class:`GPTClassifier`, the score of a :class:`GPTReward`. The other parameters
    are frozen; their memory is that of before.

    Parameters
    ----------
    model : GPT, GPTClassifier, GPTReward or GPTEncoder
    config : LoRAConfig
    seed : int, optional
        Random seed of the adapters' first matrices. None leaves them 0, for loading.
    folder : Path, optional
        The folder that the model was loaded from. A saved adapter names it.

    Raises
    ------
    UserError
        If the model has adapters already, or a target does not exist.

    Examples
    --------
    >>> from scratchgpt.models import GPT, GPTConfig, LoRAConfig, add_lora
    >>> sizes = {"n_layer": 2, "n_head": 2, "n_embd": 8, "block_size": 16, "vocab_size": 11}
    >>> model = add_lora(GPT(GPTConfig(**sizes)), LoRAConfig(rank=2, targets="c_attn"))
    >>> list(model.store.named)[0], model.store.size
    ('transformer.h.0.attn.c_attn.adapters.0.lora_A', 128)
    """
    if lora_of(model) is not None:
        raise UserError("the model has adapters already; merge them with merge_lora before")
    for path, body in bodies(model):
        for name, maps in _by_layer(find_maps(body.config, config.names)).items():
            owner, attribute = _owner(model, f"{path}.{name}")
            layer = LoRALinear(
                getattr(owner, attribute),
                [one.columns for one in maps],
                config.rank,
                scale=config.scale,
                dropout=config.dropout,
                name=attribute,
            )
            setattr(owner, attribute, layer)
    base: ParameterStore = model.store
    named = dict(model.named_parameters())
    trained = {name: one for name, one in named.items() if _is_trained(name)}
    heads = {name: trained[name].value for name in trained if name in base.named}
    base.freeze(base.named)
    model.store = ParameterStore(trained, base.dtype)
    for name, parameter in trained.items():
        if name in heads:
            parameter.value[...] = to_host(heads[name])
        elif seed is not None:
            parameter.initialize(random_stream(seed, "init", name))
    _set_lora(model, LoRA(config, base, folder))
    return model


def merge_lora(model: M) -> M:
    """Add the adapters to the weights, in place, and return the model, now without adapters.

    All parameters can be trained again.
    """
    lora = lora_of(model)
    if lora is None:
        raise UserError("the model has no adapters to merge; add some with add_lora")
    for path, layer in list(model.named_layers()):
        if isinstance(layer, LoRALinear):
            owner, attribute = _owner(model, path)
            setattr(owner, attribute, layer.merged())
    base, heads = lora.base, model.store.named
    base.freeze(())
    for name, view in base.value_views(base.values).items():
        if name in heads:
            view[...] = heads[name].value
            heads[name].value = view
    model.store = base
    _set_lora(model, None)
    return model


def share_base(model: Layer, other: M) -> M:
    """Let ``other``, a new model without adapters, use the frozen parameters of ``model``.

    This is the model before training, for comparison, without a copy of its parameters.
    """
    lora, named = lora_of(model), dict(model.named_parameters())
    assert lora is not None
    for name, parameter in other.store.named.items():
        parameter.value = named[name].value
    other.store.values = lora.base.values
    return other


def move_model(model: Layer, library: Any) -> None:
    """Move all parameters of a model to an array library; see :func:`move_parameters`."""
    lora = lora_of(model)
    if lora is not None:
        move_parameters(model, library, lora.base)
    move_parameters(model, library)


def copy_parameters(model: Layer, other: M) -> M:
    """Copy all parameters of a model to those of the same names in ``other``, and return that.

    Of a longer table, the first rows are copied.
    """
    named = dict(model.named_parameters())
    for name, parameter in other.named_parameters():
        parameter.value[...] = to_host(named[name].value[: len(parameter.value)])
    return other


def base_checksum(model: Layer) -> str:
    """Return a checksum of the frozen parameters of the language model, and their dtype."""
    checksum = 0
    for name, parameter in sorted(model.named_parameters()):
        if is_of_base(name):
            value = np.ascontiguousarray(to_host(parameter.value))  # on the host
            checksum = zlib.crc32(value.view(np.uint8).data, checksum)
    return f"{model.store.dtype} {checksum:08x}"


def adapters(model: Layer, config: LoRAConfig) -> Iterator[tuple[LinearMap, LowRank]]:
    """Yield the adapters of the language model, each with its linear map."""
    body = main_body(model)
    for name, maps in _by_layer(find_maps(body.config, config.names)).items():
        owner, attribute = _owner(body, name)
        yield from zip(maps, getattr(owner, attribute).adapters, strict=True)


def bodies(model: Layer) -> list[tuple[str, Backbone]]:
    """Return the bodies of GPTs in a model, with their paths."""
    return [(path, part) for path, part in model.named_layers() if isinstance(part, Backbone)]


def main_body(model: Layer) -> Backbone:
    """Return the body of the language model; a policy with a value network has another one."""
    return dict(bodies(model))[_FROZEN[0]]


def lora_of(model: Layer) -> LoRA | None:
    """Return what a model with adapters has besides its layers; None for other models."""
    found: LoRA | None = getattr(model, "lora", None)
    return found


def _set_lora(model: Any, lora: LoRA | None) -> None:
    model.lora = lora


def is_of_base(name: str) -> bool:
    """Whether a parameter is a frozen one of the language model."""
    return name.split(".")[0] in _FROZEN and not _is_trained(name)


def _is_trained(name: str) -> bool:
    """Whether a parameter is trained: an adapter, or a head of its own."""
    parts = name.split(".")
    return parts[-1].startswith("lora_") or not set(parts) & set(_FROZEN)


def _by_layer(maps: list[LinearMap]) -> dict[str, list[LinearMap]]:
    """Arrange linear maps by our layers."""
    found: dict[str, list[LinearMap]] = {}
    for one in maps:
        found.setdefault(one.layer, []).append(one)
    return found


def _owner(layer: Any, path: str) -> tuple[Any, str]:
    """Return the layer that has the last attribute of a path, and the name of the attribute."""
    *parents, attribute = path.split(".")
    for name in parents:
        layer = layer[int(name)] if isinstance(layer, list) else getattr(layer, name)
    return layer, attribute
