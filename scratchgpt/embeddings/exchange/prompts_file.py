"""The prompts of an encoder, in the file that sentence-transformers has for them."""

from pathlib import Path

from scratchgpt.embeddings.exchange.layout import PROMPTS_FILE, write_json
from scratchgpt.embeddings.prompts import Prompts
from scratchgpt.embeddings.roles import DOCUMENT, QUERY
from scratchgpt.errors import UserError
from scratchgpt.structured import check_type, read_json
from scratchgpt.text import BPETokenizer


def write_prompts(folder: Path, prompts: Prompts) -> None:
    """Write the prompts; the tokens around texts belong to the file of the tokenizer."""
    values = {
        "model_type": "SentenceTransformer",
        "prompts": prompts.texts,
        "default_prompt_name": prompts.default,
        "similarity_fn_name": "cosine",
    }
    write_json(folder / PROMPTS_FILE, values)


def has_prompts(folder: Path) -> bool:
    return (folder / PROMPTS_FILE).exists()


def read_prompts(folder: Path, tokenizer: BPETokenizer) -> Prompts:
    """Read the prompts in a folder; those of queries and documents are empty by default.

    Raises
    ------
    UserError
        If the file is damaged, or a setting is not supported.
    """
    path = folder / PROMPTS_FILE
    values = read_json(path) if path.exists() else {}
    check_type(values, dict, "it", str(path))
    texts = values.get("prompts") or {}
    check_type(texts, dict[str, str | None], "prompts", str(path))
    default = values.get("default_prompt_name")
    check_type(default, str | None, "default_prompt_name", str(path))
    texts = {QUERY: "", DOCUMENT: "", **{name: text or "" for name, text in texts.items()}}
    if default is not None and default not in texts:
        raise UserError(f"{path} is damaged: default_prompt_name={default!r} is not in prompts")
    if values.get("truncate_dim") is not None:
        raise UserError(
            f"{path}: truncate_dim={values['truncate_dim']!r} is not supported; remove it, and "
            "cut vectors with encode(truncate_dim=...)"
        )
    if values.get("similarity_fn_name", "cosine") not in ("cosine", "dot", None):
        raise UserError(
            f"{path}: similarity_fn_name={values['similarity_fn_name']!r} is not supported; "
            "scratchgpt compares vectors by their cosine"
        )
    before, after = tokenizer.around
    return Prompts(texts, default, before, after)
