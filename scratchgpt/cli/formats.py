"""The file formats of other programs that models are imported from and exported to."""

from enum import StrEnum
from pathlib import Path

from scratchgpt.errors import UserError


class Format(StrEnum):
    """The program that wrote the files of a model, or that will read them."""

    huggingface = "huggingface"
    nanogpt = "nanogpt"
    mingpt = "mingpt"
    llmc = "llm.c"


def guess_format(source: str) -> Format:
    """Guess the format of a model from its file name.

    Raises
    ------
    UserError
        If the name fits more than one format.
    """
    suffix = Path(source).suffix
    if suffix in (".safetensors", ".bin") and not Path(source).exists():
        raise UserError(f"there is no file {source}; name a file, a folder or a model of the hub")
    if suffix == ".safetensors":
        raise UserError(
            f"{source} may be a state dictionary of nanoGPT or of minGPT, whose models differ; "
            "choose with --format nanogpt or --format mingpt"
        )
    if suffix == ".bin":
        return Format.llmc
    return Format.huggingface
