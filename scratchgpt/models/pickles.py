"""Checkpoints of PyTorch, which are pickles: they are recognized and never read."""

from pathlib import Path

from scratchgpt.errors import UserError
from scratchgpt.escapes import shell_quoted

SUFFIXES = (".pt", ".pth", ".ckpt", ".pkl", ".pickle")
NAME_IN_FOLDER = "pytorch_model"  # in the folders of transformers
# torch.save writes a zip file with a pickle in it; before 2020, it wrote a pickle.
ZIP, CONTENT, MARK, PROTOCOLS = b"PK\x03\x04", b"data.pkl", 0x80, (2, 3, 4, 5)
# A safetensors file begins with the length of its header, which may begin like a pickle, and "{".
SAFETENSORS = b"\0{"
CONFIG_FILE = "config.json"

_READ = "import torch, sys; from safetensors.torch import save_file"
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
        f"{_READ}; c = torch.load(sys.argv[1], map_location='cpu'); {_STATE}; "
        f"save_file({_TENSORS}, sys.argv[2])"
    )
    arguments = f"{shell_quoted(path)} {shell_quoted(target)}"
    then = f"scratchgpt import {shell_quoted(target)} --format nanogpt (or mingpt)"
    if (path.parent / CONFIG_FILE).exists():
        code = (
            "import sys; from transformers import AutoModelForCausalLM as M; "
            "M.from_pretrained(sys.argv[1]).save_pretrained(sys.argv[1])"
        )
        arguments = shell_quoted(path.parent)
        then = f"use the folder {path.parent}"
    raise UserError(
        f"{path} is a pickle of PyTorch, which can run any code when it is read, so scratchgpt "
        f'never reads it; convert it where you trust it: python -c "{code}" {arguments}; '
        f"then {then}"
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
    if start[7:9] == SAFETENSORS:
        return False
    in_zip = start.startswith(ZIP) and CONTENT in start
    return in_zip or (len(start) > 1 and start[0] == MARK and start[1] in PROTOCOLS)
