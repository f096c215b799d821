"""Reading of a folder of sentence-transformers whose model is a GPT of a known family.

Each setting that changes vectors is either supported or refused by name.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from scratchgpt.embeddings.exchange.layout import (
    DIMS,
    LOG_SCALE,
    MODULES,
    MODULES_FILE,
    OLD_POOLINGS,
    POOLINGS,
    TRANSFORMER_FILE,
)
from scratchgpt.embeddings.exchange.prompts_file import (
    PROMPTS_FILE,
    read_prompts,
    write_prompts,
)
from scratchgpt.embeddings.prompts import Prompts, role_prompts
from scratchgpt.embeddings.roles import find_roles
from scratchgpt.errors import UserError
from scratchgpt.models import GPT, GPTEncoder
from scratchgpt.models.directory import CONFIG_FILE
from scratchgpt.special_ids import NAMES_FILE
from scratchgpt.structured import check_type, read_json
from scratchgpt.text import BPETokenizer, load_tokenizer
from scratchgpt.training.model_files import save_model

LARGEST_LOG_SCALE = 50.0  # far more than that of a trained model, and its exponential is finite
# Settings of the model's module that change nothing here, and settings with one supported value.
_FREE = {"max_seq_length", "modality_config", "unpad_inputs"}
_FIXED = {"transformer_task": "feature-extraction", "module_output_name": "token_embeddings"}


class EncoderParts(NamedTuple):
    """What a text encoder is made from."""

    model: GPTEncoder
    tokenizer: BPETokenizer
    prompts: Prompts


def is_sentence_transformer(folder: Path) -> bool:
    """Whether sentence-transformers wrote a folder, or a folder was written for it."""
    return (folder / MODULES_FILE).is_file()


def read_sentence_transformer(
    folder: Path, *, dtype: Any = np.float32, dropout: float | None = None
) -> EncoderParts:
    """Read an encoder that computes the vectors of a folder.

    Raises
    ------
    UserError
        If a file is damaged, or a setting is not supported.
    """
    place, pooling_place = _read_modules(folder)
    pooling, width = _read_pooling(pooling_place / CONFIG_FILE)
    gpt = GPT.from_pretrained(place, dtype=dtype, dropout=dropout)
    if width != gpt.config.n_embd:
        raise UserError(
            f"{pooling_place / CONFIG_FILE} is for {width} channels, but the model in {place} has "
            f"{gpt.config.n_embd}"
        )
    tokenizer = load_tokenizer(place)
    if not isinstance(tokenizer, BPETokenizer):
        raise UserError(f"{place} has a tokenizer of kind {tokenizer.kind}; an encoder needs bpe")
    max_tokens = _read_max_tokens(place, gpt.config.block_size)
    log_scale, dims = _read_own_fields(place / CONFIG_FILE)
    if max_tokens < gpt.config.block_size:
        gpt = gpt.crop(max_tokens)
    model = GPTEncoder.from_gpt(gpt, pooling=pooling, dims=dims)
    if log_scale is not None:
        model.log_scale.value[...] = log_scale
    return EncoderParts(model, tokenizer, read_prompts(folder, tokenizer))


def save_encoder(folder: Path, parts: EncoderParts) -> None:
    """Write an encoder as a folder of ours; its prompts only if they are not those of roles."""
    save_model(folder, parts.model, parts.tokenizer)
    if find_roles(parts.tokenizer) is None or parts.prompts != role_prompts(parts.tokenizer):
        write_prompts(folder, parts.prompts)


def _read_modules(folder: Path) -> tuple[Path, Path]:
    """Return the folders of the model and of the pooling."""
    path = folder / MODULES_FILE
    modules = _read(path, list[dict[str, Any]])
    for module in modules:
        check_type(module.get("type"), str, "type", str(path))
        check_type(module.get("path"), str, "path", str(path))
    names = [module["type"].rpartition(".")[2] for module in modules]
    if names not in ([*MODULES], [*MODULES[:2]]):
        raise UserError(
            f"{path} has the modules {', '.join(names)}; scratchgpt reads {', '.join(MODULES)}"
        )
    if len(names) < len(MODULES):
        values = read_json(folder / PROMPTS_FILE) if (folder / PROMPTS_FILE).exists() else {}
        check_type(values, dict[str, Any], "it", str(folder / PROMPTS_FILE))
        if values.get("similarity_fn_name") == "dot":
            raise UserError(
                f"{folder} compares vectors of any length by their dot product; scratchgpt has "
                "vectors of length 1, so add the module Normalize"
            )
    places = [module["path"] for module in modules]
    for place in places:
        if place in (".", "..") or any(mark in place for mark in "/\\:"):
            raise UserError(f"{path} has the path {place!r}, which is not a folder beside it")
    return folder / places[0], folder / places[1]


def _read_pooling(path: Path) -> tuple[str, int]:
    """Return the pooling and the number of channels."""
    values = _read(path, dict[str, Any])
    modes = values.get("pooling_mode")
    if modes is None:
        modes = [mode for name, mode in OLD_POOLINGS.items() if values.get(name)]
    modes = [modes] if isinstance(modes, str) else modes
    ours = {theirs: name for name, theirs in POOLINGS.items()}
    if not isinstance(modes, list) or len(modes) != 1 or modes[0] not in ours:
        raise UserError(f"{path}: pooling {modes!r} is not supported; use {' or '.join(ours)}")
    if not values.get("include_prompt", True):
        raise UserError(f"{path}: include_prompt=false is not supported")
    width = values.get("embedding_dimension", values.get("word_embedding_dimension"))
    check_type(width, int, "embedding_dimension", str(path))
    return ours[modes[0]], width


def _read_max_tokens(place: Path, block_size: int) -> int:
    """Return the length of a text in tokens at which sentence-transformers cuts it."""
    path, names = place / TRANSFORMER_FILE, place / NAMES_FILE
    values = _read(path, dict[str, Any]) if path.exists() else {}
    for name, value in values.items():
        if value and name not in _FREE and value != _FIXED.get(name):
            raise UserError(f"{path}: {name}={value!r} is not supported by scratchgpt")
    of_tokenizer = _read(names, dict[str, Any]) if names.exists() else {}
    if of_tokenizer.get("truncation_side", "right") != "right":
        raise UserError(f"{names}: truncation_side={of_tokenizer['truncation_side']!r}; use right")
    longest = values.get("max_seq_length") or of_tokenizer.get("model_max_length") or block_size
    check_type(longest, float, "the maximum number of tokens", str(path))
    if longest < 1:
        raise UserError(f"{path}: the maximum number of tokens is {longest}; choose at least 1")
    return int(min(longest, block_size))


def _read_own_fields(path: Path) -> tuple[float | None, tuple[int, ...]]:
    """Return the logarithm of the scale and the dims, which only scratchgpt writes."""
    values = _read(path, dict[str, Any])
    log_scale, dims = values.get(LOG_SCALE), values.get(DIMS) or []
    check_type(log_scale, float | None, LOG_SCALE, str(path))
    check_type(dims, list[int], DIMS, str(path))
    if log_scale is not None and not abs(log_scale) < LARGEST_LOG_SCALE:
        raise UserError(f"{path} is damaged: {LOG_SCALE} is {log_scale!r}")
    return log_scale, tuple(dims)


def _read(path: Path, kind: Any) -> Any:
    try:
        values = read_json(path, any_number=True)
    except FileNotFoundError:
        raise UserError(f"there is no {path}; is the folder complete?") from None
    check_type(values, kind, "it", str(path))
    return values
