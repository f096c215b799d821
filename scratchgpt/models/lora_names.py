"""The linear maps of a GPT by the names that other programs have for them.

Our maps are fused: ``c_attn`` computes queries, keys and values, and a gated ``c_fc`` computes gate
and up. The families of Llama have a map for each, so that one of our layers has several adapters.
"""

from dataclasses import fields
from typing import NamedTuple

from scratchgpt.errors import UserError
from scratchgpt.models.config import GPTConfig
from scratchgpt.models.families.exchange import names_of, obstacle, write_family
from scratchgpt.models.families.names import Names, columns
from scratchgpt.models.lora_config import ALL_LINEAR


class LinearMap(NamedTuple):
    """A linear map that may have an adapter.

    Attributes
    ----------
    name : str
        The name in transformers, for example ``model.layers.0.self_attn.q_proj``.
    layer : str
        The path of our layer in the body of the GPT, ``h.0.attn.c_attn``.
    columns : (int, int)
        Start and stop of its output columns.
    """

    name: str
    layer: str
    columns: tuple[int, int]


def linear_maps(config: GPTConfig) -> list[LinearMap]:
    """Return the linear maps of all blocks of a GPT."""
    names = names_for_config(config)
    sizes = {
        "attn.c_attn": (config.n_head + 2 * config.kv_heads) * config.head_size,
        "attn.c_proj": config.n_embd,
        "mlp.c_fc": config.inner_size * (2 if config.gated_mlp else 1),
        "mlp.c_proj": config.n_embd,
    }
    return [
        LinearMap(names.body + theirs.replace("*", str(i)), f"h.{i}.{layer}", (start, stop))
        for i in range(config.n_layer)
        for layer, size in sizes.items()
        for theirs, part in names.parts(f"h.*.{layer}")
        for start, stop, _ in [columns(part, config).indices(size)]
    ]


def names_for_config(config: GPTConfig) -> Names:
    """Return the names of the family that a GPT, or the body of another model, belongs to.

    A model of no family has our names, which are GPT-2's.
    """
    gpt = GPTConfig(**{field.name: getattr(config, field.name) for field in fields(GPTConfig)})
    return names_of(write_family(gpt)["model_type"] if obstacle(gpt) is None else "")


def find_maps(config: GPTConfig, targets: tuple[str, ...]) -> list[LinearMap]:
    """Return the linear maps with the given names, or names that end with ``.NAME``.

    Raises
    ------
    UserError
        If a name fits no map; the message lists those that exist.
    """
    maps = linear_maps(config)
    if targets == (ALL_LINEAR,):
        return maps
    for target in targets:
        if not any(_fits(one.name, target) for one in maps):
            known = ", ".join(dict.fromkeys(short_name(one.name) for one in maps))
            raise UserError(
                f"the adapters' target {target!r} is not a linear map of the blocks; choose from "
                f"{known}, or {ALL_LINEAR}"
            )
    return [one for one in maps if any(_fits(one.name, target) for target in targets)]


def names_for(config: GPTConfig, names: set[str]) -> tuple[str, ...]:
    """Return targets that select exactly the maps with these names, short if possible."""
    short = tuple(sorted({short_name(name) for name in names}))
    if {one.name for one in find_maps(config, short)} == names:
        return short
    return tuple(sorted(names))


def short_name(name: str) -> str:
    """Return the last word of a name."""
    return name.rsplit(".", 1)[-1]


def _fits(name: str, target: str) -> bool:
    return name == target or name.endswith(f".{target}")
