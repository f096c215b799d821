"""The linear maps of a GPT by the names that other programs have for them.

Our maps are fused: ``c_attn`` computes queries, keys and values, and a gated ``c_fc`` computes gate
and up. The families of Llama have a map for each, so that one of our layers has several adapters.
"""

from collections.abc import Iterator
from typing import NamedTuple

from scratchgpt.errors import UserError
from scratchgpt.models.config import GPTConfig
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
    parts = list(_separate(config) if _is_llama_like(config) else _fused(config))
    return [
        LinearMap(name.format(i), layer.format(i), columns)
        for i in range(config.n_layer)
        for name, layer, columns in parts
    ]


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


def _is_llama_like(config: GPTConfig) -> bool:
    return config.positions == "rotary" and config.gated_mlp


def _fused(config: GPTConfig) -> Iterator[tuple[str, str, tuple[int, int]]]:
    """Yield the maps of GPT-1 and GPT-2, whose names and layers are ours."""
    n_heads = config.n_head + 2 * config.kv_heads
    sizes = {
        "attn.c_attn": n_heads * config.head_size,
        "attn.c_proj": config.n_embd,
        "mlp.c_fc": config.inner_size * (2 if config.gated_mlp else 1),
        "mlp.c_proj": config.n_embd,
    }
    for name, size in sizes.items():
        yield f"transformer.h.{{}}.{name}", f"h.{{}}.{name}", (0, size)


def _separate(config: GPTConfig) -> Iterator[tuple[str, str, tuple[int, int]]]:
    """Yield the maps of Llama and its relatives."""
    n_queries = config.n_head * config.head_size
    n_keys = config.kv_heads * config.head_size
    n_inner, n_embd = config.inner_size, config.n_embd
    parts = {
        "attn.c_attn": {"self_attn.q_proj": n_queries, "self_attn.k_proj": n_keys}
        | {"self_attn.v_proj": n_keys},
        "attn.c_proj": {"self_attn.o_proj": n_embd},
        "mlp.c_fc": {"mlp.gate_proj": n_inner, "mlp.up_proj": n_inner},
        "mlp.c_proj": {"mlp.down_proj": n_embd},
    }
    for layer, sizes in parts.items():
        start = 0
        for name, size in sizes.items():
            yield f"model.layers.{{}}.{name}", f"h.{{}}.{layer}", (start, start + size)
            start += size
