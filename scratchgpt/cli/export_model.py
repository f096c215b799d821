"""``scratchgpt export``: write a model in the format of another program."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scratchgpt.cli.console import write_json, write_line
from scratchgpt.cli.formats import Format
from scratchgpt.cli.generate import Which
from scratchgpt.cli.outputs import refuse_existing

if TYPE_CHECKING:
    from scratchgpt.models import GPT
    from scratchgpt.text import Tokenizer

EPILOG = """Examples:

scratchgpt export runs/mine --out mine-for-transformers

scratchgpt export runs/mine --which best --out mine --shard-size 500

scratchgpt export models/gpt2 --format llm.c --out gpt2_124M.bin

scratchgpt export runs/mine --format mingpt --out mine.safetensors

scratchgpt export runs/code --out code-for-sentence-transformers
"""


def export_command(
    model: Annotated[Path, typer.Argument(help="Folder of a run or model.")],
    out: Annotated[
        Path,
        typer.Option(
            help="Output path: a new or empty folder for huggingface, a new file for other formats."
        ),
    ],
    target: Annotated[
        Format, typer.Option("--format", help="Format to write.")
    ] = Format.huggingface,
    shard_size: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Maximum size of a weight file in MB, for huggingface.",
            show_default="all weights in one file",
        ),
    ] = None,
    which: Annotated[
        Which | None,
        typer.Option(
            help="Checkpoint of the run.", show_default="the first of average, best, last"
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Export a model for another project.

    These are Hugging Face, sentence-transformers, nanoGPT, minGPT and llm.c.

    An encoder is written for sentence-transformers, other models for --format. Biases that the
    model does not have are written as zeros, which compute the same. Models that the other program
    would compute differently are refused; the error names the reason.
    """
    from scratchgpt.errors import UserError
    from scratchgpt.folders import new_folder
    from scratchgpt.models.directory import CONFIG_FILE
    from scratchgpt.models.llmc import write_llmc
    from scratchgpt.models.state_dicts import write_state_dict
    from scratchgpt.recipes.model_folder import find_model, is_encoder, load_gpt
    from scratchgpt.text import has_tokenizer, load_tokenizer

    refuse_existing(out)
    directory = find_model(model, which and which.value)
    if is_encoder(directory):
        n_parameters = _export_encoder(directory, target, out, shard_size)
        _report(directory, out, "sentence-transformers", n_parameters, as_json)
        return
    gpt = load_gpt(directory)
    if target is Format.huggingface:
        tokenizer = load_tokenizer(directory) if has_tokenizer(directory) else None
        with new_folder(out, last=CONFIG_FILE) as folder:
            _write_folder(gpt, tokenizer, folder, shard_size)
    elif shard_size is not None:
        raise UserError(
            f"--shard-size {shard_size} does not apply to --format {target.value}, which writes "
            "one file; leave it out"
        )
    elif target is Format.llmc:
        write_llmc(gpt, out)
    else:
        write_state_dict(gpt, out, target.value)
    _report(directory, out, target.value, gpt.store.size, as_json)


def _report(directory: Path, out: Path, target: str, n_parameters: int, as_json: bool) -> None:
    if as_json:
        write_json({"out": str(out), "format": target, "n_parameters": n_parameters})
    else:
        write_line(f"exported {directory} to {out}: {n_parameters:,} parameters for {target}")


def _export_encoder(directory: Path, target: Format, out: Path, shard_size: int | None) -> int:
    """Write an encoder for sentence-transformers; return its number of parameters."""
    from scratchgpt.embeddings import TextEncoder
    from scratchgpt.errors import UserError
    from scratchgpt.folders import new_folder
    from scratchgpt.models.directory import CONFIG_FILE

    if target is not Format.huggingface:
        raise UserError(
            f"--format {target.value}: the model in {directory} is an encoder of texts; leave "
            "out --format, and it is written for sentence-transformers"
        )
    encoder = TextEncoder.from_pretrained(directory)
    with new_folder(out, last=CONFIG_FILE) as folder:
        encoder.save_pretrained(folder, shard_bytes=_shard_bytes(shard_size))
    return encoder.model.store.size


def _shard_bytes(shard_size: int | None) -> int | None:
    return None if shard_size is None else 1_000_000 * shard_size


def _write_folder(
    model: "GPT", tokenizer: "Tokenizer | None", out: Path, shard_size: int | None
) -> None:
    """Write a folder that ``AutoModelForCausalLM`` and ``AutoTokenizer`` of transformers load."""
    import json

    from scratchgpt.files import write_text
    from scratchgpt.generation import check_tokenizer
    from scratchgpt.models.pretrained import for_transformers
    from scratchgpt.special_ids import NAMES_FILE, token_name
    from scratchgpt.text import TOKENIZER_FILE

    model = for_transformers(model)
    if tokenizer is not None:
        check_tokenizer(model, tokenizer)
        if not model.special_ids.ends and tokenizer.end_of_text is not None:
            model.special_ids = model.special_ids.with_end(tokenizer.end_of_text)
    model.save_pretrained(out, shard_bytes=_shard_bytes(shard_size))
    if tokenizer is None:
        return
    tokenizer.save(out / TOKENIZER_FILE)
    # Not GPT-2's class, which would split the text its own way and ignore tokenizer.json.
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": model.config.block_size,
        "clean_up_tokenization_spaces": False,
    }
    names = {"bos_token": model.special_ids.bos, "eos_token": tokenizer.end_of_text}
    for field, token in names.items():
        name = None if token is None else token_name(tokenizer.to_json(), token)
        if name is not None:
            settings[field] = name
    write_text(out / NAMES_FILE, json.dumps(settings, indent=2) + "\n")
