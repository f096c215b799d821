"""Where a model is: a folder, or a name on the Hugging Face hub."""

import re
from pathlib import Path

from scratchgpt.errors import UserError

# What a model is made of. No pickles: reading one runs what is in it.
FILES = (
    "config.json",
    "generation_config.json",
    "model*.safetensors",
    "model.safetensors.index.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.json",
    "merges.txt",
)
_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")


def find_folder(path_or_name: Path | str) -> Path:
    """The folder of a model; a name like ``openai-community/gpt2`` is fetched first.

    Raises
    ------
    UserError
        If there is no such folder, and no way to fetch it.
    """
    path = Path(path_or_name)
    if path.is_dir():
        return path
    name = str(path_or_name)
    if not _HUB_NAME.fullmatch(name):
        raise UserError(f"there is no folder {name}, and it is no name like openai-community/gpt2")
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise UserError(
            f"there is no folder {name}; to fetch it from the Hugging Face hub: "
            "pip install 'scratchgpt-numpy[hub]'"
        ) from None
    try:
        return Path(snapshot_download(name, allow_patterns=list(FILES)))
    except (OSError, ValueError) as error:  # what its errors of the network and of names are
        reason = str(error).strip().splitlines()[0]
        raise UserError(
            f"there is no folder {name}, and the hub did not give it: {reason}"
        ) from error
