"""State dictionaries of minGPT and nanoGPT in safetensors format: reading and writing.

Both store the weight of a linear map as (n_out, n_in), the transpose of ours. Neither stores the
number of heads or the activation: the number of heads is an argument, and the default activation
is the one in their code. Arrays are read and written through views of our parameters that have
their shapes and names.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.models.config import LATER_FIELDS, GPTConfig
from scratchgpt.models.gpt import GPT
from scratchgpt.models.kinds import describe
from scratchgpt.models.limits import check_size
from scratchgpt.models.tensor_file import TensorFile, save_tensors
from scratchgpt.models.weight_files import Stored, count_elements, fill, rename

# nanoGPT uses the exact GELU, minGPT the approximation. The minGPT of 2020 used the exact GELU and
# other names.
ACTIVATIONS = {"nanogpt": "gelu", "mingpt": "gelu_tanh", "mingpt-2020": "gelu"}
SOURCES = ("nanogpt", "mingpt")
HEADS = "n_head"  # in the metadata of files that scratchgpt wrote

_TABLES = ("wte.weight", "wpe.weight", "lm_head.weight")
_SIZES = ("n_layer", "n_head", "n_embd", "block_size", "vocab_size", "dropout")
_WRAPPERS = re.compile(r"^(module\.|_orig_mod\.)+")  # from data parallelism, from torch.compile
_BUFFER = re.compile(r".*\.attn\.(bias|mask)$")
_HEAD = {"nanogpt": "lm_head.weight", "mingpt": "lm_head.weight", "mingpt-2020": "head.weight"}
_TABLE = {
    **dict.fromkeys(("nanogpt", "mingpt"), "transformer.wte.weight"),
    "mingpt-2020": "tok_emb.weight",
}
_NAMES_OF_2020 = {
    **{"transformer.wte": "tok_emb", "transformer.ln_f": "ln_f", "lm_head": "head"},
    **{".ln_1.": ".ln1.", ".ln_2.": ".ln2.", ".attn.c_proj.": ".attn.proj."},
    **{".mlp.c_fc.": ".mlp.0.", ".mlp.c_proj.": ".mlp.2.", "transformer.h.": "blocks."},
}


def read_state_dict(
    path: Path,
    source: str,
    *,
    n_head: int | None = None,
    activation: str | None = None,
    dropout: float = 0.0,
    dtype: Any = np.float32,
) -> GPT:
    """Read a model of minGPT or nanoGPT.

    Parameters
    ----------
    path : Path
        A safetensors file.
    source : {"nanogpt", "mingpt"}
    n_head : int, optional
        Number of heads per block. It is required unless scratchgpt wrote the file.
    activation : str, optional
        Overrides the activation of the current minGPT or nanoGPT code.
    dropout : float
    dtype : float32 or float64

    Raises
    ------
    UserError
        If the file is damaged, or does not contain such a model.
    """
    file = TensorFile(path)
    names = {name: _WRAPPERS.sub("", name) for name in file.tensors}
    stored = {name: Stored(file, name) for name in file.tensors}
    stored = rename(stored, lambda name: None if _is_buffer(names[name]) else names[name], path)
    if source == "mingpt" and _TABLE["mingpt-2020"] in stored:
        source = "mingpt-2020"
    tied = _merge_tied_head(stored, _TABLE[source], _HEAD[source])
    sizes = _sizes(stored, source, path)
    if n_head is None:
        n_head = _heads_of(file)
    config = GPTConfig(
        **sizes,
        n_head=n_head,
        tied_head=tied,
        activation=activation or ACTIVATIONS[source],
        dropout=dropout,
    )
    check_size(config, describe(config).n_parameters, count_elements(stored), path)
    model = GPT(config, seed=None, dtype=dtype)
    fill(dict(_views(model, source)), stored, path)
    return model


def write_state_dict(model: GPT, path: Path, source: str) -> None:
    """Write a model as a state dictionary of minGPT or nanoGPT, always including its head.

    Biases that minGPT needs and the model does not have are written as 0.

    Raises
    ------
    UserError
        If minGPT or nanoGPT does not support this model, or the file cannot be written.
    """
    if source == "mingpt":  # always has biases
        model = model.with_biases()
    config = model.config
    needed = {"activation": ACTIVATIONS[source], "bias": config.bias}
    if source == "mingpt":
        needed["tied_head"] = config.tied_head
    check_expressible(config, needed, source)
    arrays = dict(_views(model, source))
    arrays[_HEAD[source]] = model.lm_head.weight.value
    save_tensors(path, arrays, {"format": "pt", HEADS: str(config.n_head)})


def check_expressible(config: GPTConfig, needed: dict[str, Any], where: str) -> None:
    """Raise UserError for a setting whose value another program does not support.

    Parameters
    ----------
    config : GPTConfig
    needed : dict
        The settings that the program supports, besides any sizes and the other settings of GPT-2.
    where : str
        The program, for the message.
    """
    sizes = {name: getattr(config, name) for name in _SIZES}
    supported = GPTConfig(**sizes, head_dim=config.n_embd // config.n_head or 1, **needed)
    ours, theirs = config.effective(), supported.effective()
    for name in (*LATER_FIELDS, *theirs):  # first what only today's models have
        if ours[name] != theirs[name]:
            raise UserError(
                f"{where} supports only {name}={theirs[name]!r}, but the model has "
                f"{ours[name]!r}; choose another format"
            )


def _is_buffer(name: str) -> bool:
    return bool(_BUFFER.fullmatch(name))


def _views(model: GPT, source: str) -> Iterator[tuple[str, Array]]:
    """Yield views of our parameters with the shapes and names of ``source``."""
    for name, parameter in model.store.named.items():
        value = parameter.value
        if value.ndim == 2 and not name.endswith(_TABLES):
            value = value.T  # (n_out, n_in)
        if source != "mingpt-2020":
            yield name, value
        elif name == "transformer.wpe.weight":
            yield "pos_emb", value[None]  # (1, T, C)
        else:
            for ours, theirs in _NAMES_OF_2020.items():
                name = name.replace(ours, theirs)
            if ".attn.c_attn." in name:
                parts = zip(("query", "key", "value"), np.split(value, 3), strict=True)
                for part, view in parts:
                    yield name.replace("c_attn", part), view
            else:
                yield name, value


def _merge_tied_head(stored: dict[str, Stored], table: str, head: str) -> bool:
    """Return whether the head is tied to the embedding; keep a tied matrix only as embedding.

    A file may contain a tied matrix under either name, or under both.
    """
    if head in stored and table not in stored:
        stored[table] = stored.pop(head)
        return True
    if head not in stored or table not in stored:
        return True
    first, second = stored[table], stored[head]
    tied = first.file.same_data(first.name, second.file, second.name)
    if tied:
        del stored[head]
    return tied


def _sizes(stored: dict[str, Stored], source: str, path: Path) -> dict[str, Any]:
    """Derive the sizes of a model from the shapes in a file."""
    shapes = {name: one.file.tensors[one.name].shape for name, one in stored.items()}
    old = source == "mingpt-2020"
    block, norm, widen = (
        ("blocks", "ln1", "mlp.0") if old else ("transformer.h", "ln_1", "mlp.c_fc")
    )
    try:
        vocab_size, n_embd = shapes[_TABLE[source]]
        block_size = shapes["pos_emb" if old else "transformer.wpe.weight"][-2]
        n_inner = shapes[f"{block}.0.{widen}.weight"][0]
    except (KeyError, ValueError, IndexError) as error:
        raise UserError(f"{path} is not a state dictionary of {source}: missing {error}") from error
    n_layer = 0
    while f"{block}.{n_layer}.{norm}.weight" in shapes:
        n_layer += 1
    return {
        "n_layer": n_layer,
        "n_embd": n_embd,
        "block_size": block_size,
        "vocab_size": vocab_size,
        "n_inner": None if n_inner == 4 * n_embd else n_inner,
        "bias": f"{block}.0.{norm}.bias" in shapes,
    }


def _heads_of(file: TensorFile) -> int:
    stored = str(file.metadata.get(HEADS, ""))
    if not stored.isdecimal():
        raise UserError(f"{file.path} does not say how many heads a block has; give n_head")
    return int(stored)
