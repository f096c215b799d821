"""``scratchgpt import``: a model of others, into a folder that every other verb takes."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scratchgpt.cli.formats import Format

if TYPE_CHECKING:
    from scratchgpt.models import GPT
    from scratchgpt.text import Tokenizer

EPILOG = """Examples:

scratchgpt import downloads/gpt2 --out models/gpt2

scratchgpt import openai-community/gpt2 --out models/gpt2

scratchgpt import gpt2_124M.bin --tokenizer models/gpt2 --out models/mine

scratchgpt import ckpt.safetensors --format nanogpt --n-head 6 --out models/mine
"""


def import_command(
    source: Annotated[
        str,
        typer.Argument(
            help="Folder of a GPT-1 or GPT-2 in the layout of Hugging Face, its name on the hub, "
            "a .safetensors of nanoGPT or minGPT, or a .bin of llm.c."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the model.")],
    source_format: Annotated[
        Format | None,
        typer.Option("--format", help="What wrote it.", show_default="by its name"),
    ] = None,
    tokenizer: Annotated[
        Path | None,
        typer.Option(
            help="A tokenizer.json, or a folder with one, or with vocab.json and merges.txt.",
            show_default="the model's own",
        ),
    ] = None,
    n_head: Annotated[
        int | None, typer.Option(help="Heads of a block, which nanoGPT and minGPT do not save.")
    ] = None,
    activation: Annotated[
        str | None,
        typer.Option(
            help="gelu_tanh, gelu or relu, for nanoGPT and minGPT.",
            show_default="what their code has",
        ),
    ] = None,
    dropout: Annotated[
        float | None, typer.Option(help="For training on.", show_default="the model's, or 0")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Read a model that others trained.

    It is checked as a whole before anything is written.
    """
    import json
    import sys

    from scratchgpt.cli.formats import guess_format
    from scratchgpt.errors import UserError
    from scratchgpt.generation import check_tokenizer
    from scratchgpt.models.pretrained import CONFIG_FILE
    from scratchgpt.training.checkpoint import save_model

    if (out / CONFIG_FILE).exists():
        raise UserError(f"there is a model in {out}; choose another folder")
    chosen = source_format or guess_format(source)
    if chosen not in (Format.nanogpt, Format.mingpt):
        for name, value in (("--n-head", n_head), ("--activation", activation)):
            if value is not None:
                raise UserError(f"{name} is for nanogpt and mingpt; {source} says it itself")
    model, own = _read(source, chosen, n_head=n_head, activation=activation, dropout=dropout)
    found = _tokenizer(tokenizer, own)
    if found is not None:
        check_tokenizer(model, found)
    save_model(out, model, found)
    if found is None:
        print(
            "there is no tokenizer with it; to use the model with text, import it with --tokenizer",
            file=sys.stderr,
        )
    if as_json:
        record = {
            "out": str(out),
            "format": chosen.value,
            "n_parameters": model.store.size,
            "config": model.config.as_dict(),
            "tokenizer": found.kind if found else None,
        }
        print(json.dumps(record))
    else:
        print(f"{model.store.size:,} parameters from {source}, into {out}")


def _read(
    source: str,
    source_format: Format,
    *,
    n_head: int | None,
    activation: str | None,
    dropout: float | None,
) -> "tuple[GPT, Path | None]":
    """The model, and the folder in which its tokenizer would be."""
    from scratchgpt.models import GPT
    from scratchgpt.models.hub import find_folder
    from scratchgpt.models.llmc import read_llmc
    from scratchgpt.models.state_dicts import read_state_dict

    if source_format is Format.huggingface:
        folder = find_folder(source)
        return GPT.from_pretrained(folder, dropout=dropout), folder
    path, rate = Path(source), dropout or 0.0
    if source_format is Format.llmc:
        return read_llmc(path, dropout=rate), None
    model = read_state_dict(
        path, source_format.value, n_head=n_head, activation=activation, dropout=rate
    )
    return model, None


def _tokenizer(named: Path | None, own: Path | None) -> "Tokenizer | None":
    """The tokenizer that was named, or else the one beside the model."""
    from scratchgpt.text import TOKENIZER_FILE, load_tokenizer
    from scratchgpt.text.tokenizers.vocab_files import VOCAB_FILE

    if named is not None:
        return load_tokenizer(named)
    if own is not None and any((own / name).exists() for name in (TOKENIZER_FILE, VOCAB_FILE)):
        return load_tokenizer(own)
    return None
