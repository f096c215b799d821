"""Names and layouts of parameters in the files of each family."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from scratchgpt.backend import Array
from scratchgpt.models.config import GPTConfig

OUR_BODY = "transformer."
HEAD = "lm_head.weight"  # has the same name and layout in all families
# Masks and frequencies in old checkpoints, which are no parameters.
_BUFFER = re.compile(
    r"h\.\d+\.attn\.(masked_)?bias|position_ids|(layers\.\d+\.self_attn\.)?rotary_emb\.inv_freq"
)
_LAYER = re.compile(r"\.\d+\.")


class Names(NamedTuple):
    """The names of the parameters of a family.

    Attributes
    ----------
    body : str
        Prefix of all names but that of the head. Files of models without a head lack it.
    modules : dict of str to str
        Names of modules, theirs -> ours, below the body; ``*`` is the number of a layer. Modules
        that are missing have our names. ``c_attn[q]`` is the part of ``c_attn`` that computes q.
    transposed : bool
        Whether the weights of linear maps are (n_out, n_in); ours are (n_in, n_out).
    """

    body: str
    modules: dict[str, str]
    transposed: bool

    def stored(self, name: str) -> str | None:
        """Complete a name in a file, which may lack the body; None for a buffer."""
        if name.startswith("lm_head."):
            return name
        name = name.removeprefix(self.body)
        return None if _BUFFER.fullmatch(name) else self.body + name

    def views(self, name: str, array: Array, config: GPTConfig) -> Iterator[tuple[str, Array]]:
        """Yield the arrays of a file that one of ours consists of, as views, with their names."""
        if not name.startswith(OUR_BODY):
            yield name, array
            return
        path, _, leaf = name.removeprefix(OUR_BODY).rpartition(".")
        layer = _LAYER.search(path)
        module = _LAYER.sub(".*.", path)
        is_map = array.ndim == 2 and module not in ("wte", "wpe")
        for theirs, part in self.parts(module):
            view = array[..., columns(part, config)]
            place = theirs.replace(".*.", layer[0]) if layer else theirs
            yield f"{self.body}{place}.{leaf}", view.T if is_map and self.transposed else view

    def parts(self, module: str) -> list[tuple[str, str]]:
        """Return their modules that one of ours consists of, with the part that each computes."""
        found = []
        for theirs, ours in self.modules.items():
            name, _, part = ours.removesuffix("]").partition("[")
            if name == module:
                found.append((theirs, part))
        return found or [(module, "")]


def columns(part: str, config: GPTConfig) -> slice:
    """Return the columns of a part of a fused map; all if there is no part."""
    n_queries, n_keys = config.n_head * config.head_size, config.kv_heads * config.head_size
    n_inner = config.inner_size
    return {
        "": slice(None),
        "q": slice(n_queries),
        "k": slice(n_queries, n_queries + n_keys),
        "v": slice(n_queries + n_keys, None),
        "gate": slice(n_inner),
        "up": slice(n_inner, None),
    }[part]


GPT2 = Names("transformer.", {}, transposed=False)
GPT1 = Names("transformer.", {"tokens_embed": "wte", "positions_embed": "wpe"}, transposed=False)
_LLAMA_BLOCK = {
    "embed_tokens": "wte",
    "layers.*.input_layernorm": "h.*.ln_1",
    "layers.*.self_attn.q_proj": "h.*.attn.c_attn[q]",
    "layers.*.self_attn.k_proj": "h.*.attn.c_attn[k]",
    "layers.*.self_attn.v_proj": "h.*.attn.c_attn[v]",
    "layers.*.self_attn.o_proj": "h.*.attn.c_proj",
    "layers.*.self_attn.q_norm": "h.*.attn.query_key.q_norm",
    "layers.*.self_attn.k_norm": "h.*.attn.query_key.k_norm",
    "layers.*.post_attention_layernorm": "h.*.ln_2",
    "norm": "ln_f",
}
LLAMA = Names(
    "model.",
    {
        **_LLAMA_BLOCK,
        "layers.*.mlp.gate_proj": "h.*.mlp.c_fc[gate]",
        "layers.*.mlp.up_proj": "h.*.mlp.c_fc[up]",
        "layers.*.mlp.down_proj": "h.*.mlp.c_proj",
    },
    transposed=True,
)
NANOCHAT = Names(
    "model.",
    {
        **_LLAMA_BLOCK,
        "layers.*.mlp.fc1": "h.*.mlp.c_fc",
        "layers.*.mlp.fc2": "h.*.mlp.c_proj",
    },
    transposed=True,
)
