"""The forms that models of others come in, and go out in."""

from enum import StrEnum
from pathlib import Path

from scratchgpt.errors import UserError


class Format(StrEnum):
    """What wrote the files of a model, or shall read them."""

    huggingface = "huggingface"
    nanogpt = "nanogpt"
    mingpt = "mingpt"
    llmc = "llm.c"


def guess_format(source: str) -> Format:
    """The form of a model by its name alone.

    Raises
    ------
    UserError
        If it could be one of several.
    """
    suffix = Path(source).suffix
    if suffix == ".safetensors":
        raise UserError(
            f"{source} may be a state dictionary of nanoGPT or of minGPT, which compute different "
            "things; name it with --format nanogpt or --format mingpt"
        )
    if suffix == ".bin":
        return Format.llmc
    return Format.huggingface
