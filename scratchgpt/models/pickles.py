"""Checkpoints of PyTorch, which are pickles: they are recognized and never read."""

from pathlib import Path

from scratchgpt.errors import UserError

SUFFIXES = (".pt", ".pth", ".ckpt", ".pkl", ".pickle")
NAME_IN_FOLDER = "pytorch_model"  # in the folders of transformers
# torch.save writes a zip file with a pickle in it; before 2020, it wrote a pickle.
ZIP, CONTENT, MARK, PROTOCOLS = b"PK\x03\x04", b"data.pkl", 0x80, (2, 3, 4, 5)
CONFIG_FILE = "config.json"

_READ = "import torch; from safetensors.torch import save_file"
_STATE = "c = c.get('model', c.get('state_dict', c))"
_TENSORS = "{k: v.clone().contiguous() for k, v in c.items() if hasattr(v, 'clone')}"


def refuse_pickle(path: Path) -> None:
    """Raise UserError for a checkpoint of PyTorch, or a folder that contains one.

    The message says how to convert it to safetensors.
    """
    if path.is_dir():
        path = next((file for file in sorted(path.iterdir()) if is_pickle(file)), path)
    if not is_pickle(path):
        return
    target = path.with_suffix(".safetensors")
    code = (
        f"{_READ}; c = torch.load({str(path)!r}, map_location='cpu'); {_STATE}; "
        f"save_file({_TENSORS}, {str(target)!r})"
    )
    then = f"scratchgpt import {target} --format nanogpt (or mingpt)"
    if (path.parent / CONFIG_FILE).exists():
        folder = str(path.parent)
        code = (
            "from transformers import AutoModelForCausalLM as M; "
            f"M.from_pretrained({folder!r}).save_pretrained({folder!r})"
        )
        then = f"use the folder {folder}"
    raise UserError(
        f"{path} is a pickle of PyTorch, which can run any code when it is read, so scratchgpt "
        f'never reads it; convert it where you trust it: python -c "{code}"; then {then}'
    )


def is_pickle(path: Path) -> bool:
    """Whether a file is a checkpoint of PyTorch, by its name or its first bytes."""
    if not path.is_file():
        return False
    if path.suffix.lower() in SUFFIXES or path.name.startswith(f"{NAME_IN_FOLDER}."):
        return True
    try:
        with open(path, "rb") as file:
            start = file.read(256)
    except OSError:
        return False
    in_zip = start.startswith(ZIP) and CONTENT in start
    return in_zip or (len(start) > 1 and start[0] == MARK and start[1] in PROTOCOLS)
