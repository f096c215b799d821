"""Locating a model: a folder, or a name on the Hugging Face hub."""

import re
from pathlib import Path

from scratchgpt.errors import UserError
from scratchgpt.models.directory import find_directory

# The files of a model. Pickles are excluded: reading a pickle runs the code in it.
FILES = (
    "config.json",
    "generation_config.json",
    "model*.safetensors",
    "model.safetensors.index.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.json",
    "merges.txt",
    "modules.json",  # these four are of sentence-transformers
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
    "1_Pooling/config.json",
)
_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")


def find_folder(path_or_name: Path | str) -> Path:
    """Return the folder of a model, or of the model of a run; download it if given a hub's name.

    A name looks like ``openai-community/gpt2``.

    Raises
    ------
    UserError
        If there is no such folder, and it cannot be downloaded.
    """
    path = Path(path_or_name)
    if path.exists():
        return find_directory(path)
    name = str(path_or_name)
    if not _HUB_NAME.fullmatch(name):
        raise UserError(
            f"there is no folder {name}, and it is not a name like openai-community/gpt2"
        )
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise UserError(
            f"there is no folder {name}; to fetch it from the Hugging Face hub: "
            "pip install 'scratchgpt-numpy[hub]'"
        ) from None
    try:
        return Path(snapshot_download(name, allow_patterns=list(FILES)))
    except (OSError, ValueError) as error:  # the bases of the hub's network and name errors
        reason = str(error).strip().splitlines()[0]
        raise UserError(
            f"there is no folder {name}, and downloading it from the hub failed: {reason}"
        ) from error
