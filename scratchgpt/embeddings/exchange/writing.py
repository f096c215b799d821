"""Writing of an encoder as a folder that sentence-transformers loads."""

from dataclasses import fields
from pathlib import Path
from typing import Any

from scratchgpt.embeddings.exchange.layout import (
    DIMS,
    LOG_SCALE,
    MODULES,
    MODULES_FILE,
    OLD_POOLINGS,
    POOLINGS,
    TRANSFORMER_FILE,
    write_json,
)
from scratchgpt.embeddings.exchange.prompts_file import write_prompts
from scratchgpt.embeddings.prompts import Prompts
from scratchgpt.files import make_folder
from scratchgpt.models import GPT, GPTConfig, GPTEncoder
from scratchgpt.models.directory import CONFIG_FILE, write_directory
from scratchgpt.models.families import FAMILIES, their_arrays, write_family
from scratchgpt.models.pretrained import for_transformers
from scratchgpt.special_ids import NAMES_FILE, token_name
from scratchgpt.text import TOKENIZER_FILE, BPETokenizer


def write_sentence_transformer(
    folder: Path,
    model: GPTEncoder,
    tokenizer: BPETokenizer,
    prompts: Prompts,
    *,
    shard_bytes: int | None = None,
) -> None:
    """Write a folder with the model, its pooling, a division by the length, and the prompts.

    Raises
    ------
    UserError
        If the model is not of a family of transformers, or the folder cannot be written.
    """
    gpt = for_transformers(_body(model))
    config = write_family(gpt.config)
    model_type = config["model_type"]
    family = FAMILIES[model_type]
    config["architectures"] = [family.architectures[1]]  # the one without a head
    config |= {LOG_SCALE: float(model.log_scale.value[0]), DIMS: list(model.config.dims)}
    tensors = {
        name.removeprefix(family.names.body): value
        for name, value in their_arrays(gpt.arrays(), gpt.config, model_type).items()
    }
    modules = [
        {"idx": i, "name": str(i), "path": _path(i), "type": f"sentence_transformers.models.{name}"}
        for i, name in enumerate(MODULES)
    ]
    pooling = {
        "word_embedding_dimension": model.config.n_embd,
        **{old: new == POOLINGS[model.config.pooling] for old, new in OLD_POOLINGS.items()},
        "include_prompt": True,
    }
    length = {"max_seq_length": model.config.block_size, "do_lower_case": False}
    make_folder(folder / _path(1))
    tokenizer.with_around(prompts.before, prompts.after).save(folder / TOKENIZER_FILE)
    write_json(folder / NAMES_FILE, _tokenizer_settings(model, tokenizer, prompts))
    write_json(folder / TRANSFORMER_FILE, length)
    write_json(folder / _path(1) / CONFIG_FILE, pooling)
    write_prompts(folder, prompts)
    write_json(folder / MODULES_FILE, modules)
    write_directory(folder, config, tensors, shard_bytes=shard_bytes)


def _path(index: int) -> str:
    """Return the folder of a module; the model is in the folder itself."""
    return f"{index}_{MODULES[index]}" if index else ""


def _body(model: GPTEncoder) -> GPT:
    """Return the model as a GPT without a head of its own."""
    values = {field.name: getattr(model.config, field.name) for field in fields(GPTConfig)}
    gpt = GPT.blank(GPTConfig(**{**values, "tied_head": True}), model.dtype)
    for name, value in gpt.arrays().items():
        value[...] = model.store.named[name].value
    return gpt


def _tokenizer_settings(
    model: GPTEncoder, tokenizer: BPETokenizer, prompts: Prompts
) -> dict[str, Any]:
    """Return the content of ``tokenizer_config.json``."""
    known = [*prompts.after, tokenizer.end_of_text, 0]
    end = token_name(tokenizer.to_json(), next(token for token in known if token is not None))
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": model.config.block_size,
        "clean_up_tokenization_spaces": False,
        "padding_side": "right",
        "truncation_side": "right",
        "eos_token": end,
        "pad_token": end,  # any token: the attention mask says what is padding
    }
