"""``scratchgpt import``: convert a model of another program to a model folder."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scratchgpt.cli.console import message, write_json, write_line
from scratchgpt.cli.formats import Format
from scratchgpt.cli.outputs import NEW_FOLDER, refuse_existing

if TYPE_CHECKING:
    from scratchgpt.embeddings.exchange.reading import EncoderParts
    from scratchgpt.models import GPT, GPTEncoder
    from scratchgpt.text import Tokenizer

EPILOG = """Examples:

scratchgpt import downloads/gpt2 --out models/gpt2

scratchgpt import openai-community/gpt2 --out models/gpt2

scratchgpt import gpt2_124M.bin --tokenizer models/gpt2 --out models/mine

scratchgpt import ckpt.safetensors --format nanogpt --n-head 6 --out models/mine

scratchgpt import downloads/code-search --out models/code
"""


def import_command(
    source: Annotated[
        str,
        typer.Argument(
            help="Folder in the Hugging Face layout or of sentence-transformers (GPT-1, GPT-2, "
            "Llama, Qwen2, Qwen3, Mistral or nanochat), its name on the Hugging Face Hub, a "
            ".safetensors file of nanoGPT or minGPT, or a .bin file of llm.c."
        ),
    ],
    out: Annotated[Path, typer.Option(help=f"Folder for the model. {NEW_FOLDER}")],
    source_format: Annotated[
        Format | None,
        typer.Option(
            "--format",
            help="Program that wrote the model.",
            show_default="guessed from the file name",
        ),
    ] = None,
    tokenizer: Annotated[
        Path | None,
        typer.Option(
            help="A tokenizer.json, or a folder that contains one, or vocab.json and merges.txt.",
            show_default="the tokenizer in the model's folder",
        ),
    ] = None,
    n_head: Annotated[
        int | None,
        typer.Option(help="Attention heads per block; nanoGPT and minGPT do not save the number."),
    ] = None,
    activation: Annotated[
        str | None,
        typer.Option(
            help="Activation of a nanoGPT or minGPT model: gelu_tanh, gelu or relu.",
            show_default="the activation in that program's code",
        ),
    ] = None,
    dropout: Annotated[
        float | None,
        typer.Option(
            help="Dropout probability for further training.",
            show_default="from the model, or 0",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Import a model of another project.

    These are Hugging Face, sentence-transformers, nanoGPT, minGPT and llm.c.

    The whole model is checked before any file is written.
    """
    from scratchgpt.chat import named_format
    from scratchgpt.cli.formats import guess_format
    from scratchgpt.embeddings.exchange.reading import save_encoder
    from scratchgpt.errors import UserError
    from scratchgpt.folders import new_folder
    from scratchgpt.models.directory import CONFIG_FILE
    from scratchgpt.recipes.model_folder import check_vocabulary
    from scratchgpt.training.checkpoint import save_model

    refuse_existing(out)
    chosen = source_format or guess_format(source)
    if chosen not in (Format.nanogpt, Format.mingpt):
        for name, value in (("--n-head", n_head), ("--activation", activation)):
            if value is not None:
                raise UserError(
                    f"{name} {value} applies only to nanogpt and mingpt; {source} defines it "
                    "itself, so leave it out"
                )
    encoder = _read_encoder(source, chosen, tokenizer, dropout)
    if encoder is not None:
        with new_folder(out, last=CONFIG_FILE) as folder:
            save_encoder(folder, encoder)
        _report(source, out, "sentence-transformers", encoder.model, encoder.tokenizer, as_json)
        return
    model, own = _read(source, chosen, n_head=n_head, activation=activation, dropout=dropout)
    found = _tokenizer(tokenizer, own)
    found = found and named_format(found)
    if found is not None:
        check_vocabulary(model.config, found.vocab_size, own)
    with new_folder(out, last=CONFIG_FILE) as folder:
        save_model(folder, model, found)
    if found is None:
        message(f"no tokenizer in {source}; import with --tokenizer to use the model with text")
    _report(source, out, chosen.value, model, found, as_json)


def _report(
    source: str,
    out: Path,
    source_format: str,
    model: "GPT | GPTEncoder",
    tokenizer: "Tokenizer | None",
    as_json: bool,
) -> None:
    if as_json:
        record = {
            "out": str(out),
            "format": source_format,
            "n_parameters": model.store.size,
            "config": model.config.as_dict(),
            "tokenizer": tokenizer.kind if tokenizer else None,
        }
        write_json(record)
    else:
        write_line(f"imported {source} to {out}: {model.store.size:,} parameters")


def _read_encoder(
    source: str, source_format: Format, tokenizer: Path | None, dropout: float | None
) -> "EncoderParts | None":
    """Read a folder of sentence-transformers; None if the source is not one."""
    from scratchgpt.embeddings.exchange.reading import (
        is_sentence_transformer,
        read_sentence_transformer,
    )
    from scratchgpt.errors import UserError
    from scratchgpt.models.hub import find_folder

    if source_format is not Format.huggingface:
        return None
    folder = find_folder(source)
    if not is_sentence_transformer(folder):
        return None
    if tokenizer is not None:
        raise UserError(
            f"--tokenizer {tokenizer}: an encoder needs the tokenizer that it was trained with, "
            f"which is in {source}; leave it out"
        )
    return read_sentence_transformer(folder, dropout=dropout)


def _read(
    source: str,
    source_format: Format,
    *,
    n_head: int | None,
    activation: str | None,
    dropout: float | None,
) -> "tuple[GPT, Path | None]":
    """Read the model; also return the folder that may contain its tokenizer."""
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
    """Load the tokenizer given by --tokenizer, or else the one in the model's folder, if any."""
    from scratchgpt.text import has_tokenizer, load_tokenizer

    if named is not None:
        return load_tokenizer(named)
    if own is not None and has_tokenizer(own):
        return load_tokenizer(own)
    return None
