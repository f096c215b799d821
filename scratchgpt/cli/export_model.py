"""``scratchgpt export``: a model of ours, in files that others read."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scratchgpt.cli.formats import Format
from scratchgpt.cli.generate import Which

if TYPE_CHECKING:
    from scratchgpt.models import GPT
    from scratchgpt.text import Tokenizer

EPILOG = """Examples:

scratchgpt export runs/mine --out mine-for-transformers

scratchgpt export runs/mine --which best --out mine --shard-size 500

scratchgpt export models/gpt2 --format llm.c --out gpt2_124M.bin

scratchgpt export runs/mine --format nanogpt --out mine.safetensors
"""


def export_command(
    model: Annotated[Path, typer.Argument(help="Folder of a run or of a model.")],
    out: Annotated[
        Path, typer.Option(help="A folder for Hugging Face, a file for the other formats.")
    ],
    target: Annotated[
        Format, typer.Option("--format", help="Who shall read it.")
    ] = Format.huggingface,
    shard_size: Annotated[
        int | None,
        typer.Option(min=1, help="Most MB of a file of weights.", show_default="all in one"),
    ] = None,
    which: Annotated[
        Which | None,
        typer.Option(
            help="Which checkpoint of a run.", show_default="average, or else best, or last"
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Write a model for others.

    What they would compute differently is refused, and the reason named.
    """
    import json

    from scratchgpt.errors import UserError
    from scratchgpt.models.llmc import write_llmc
    from scratchgpt.models.state_dicts import write_state_dict
    from scratchgpt.recipes.model_folder import find_model, load_gpt
    from scratchgpt.text import TOKENIZER_FILE, load_tokenizer

    directory = find_model(model, which and which.value)
    gpt = load_gpt(directory)
    if target is Format.huggingface:
        has_tokenizer = (directory / TOKENIZER_FILE).exists()
        tokenizer = load_tokenizer(directory) if has_tokenizer else None
        _write_folder(gpt, tokenizer, out, shard_size)
    elif shard_size is not None:
        raise UserError(f"--shard-size is for huggingface; {target.value} has one file")
    elif target is Format.llmc:
        write_llmc(gpt, out)
    else:
        write_state_dict(gpt, out, target.value)
    if as_json:
        record = {"out": str(out), "format": target.value, "n_parameters": gpt.store.size}
        print(json.dumps(record))
    else:
        print(f"{gpt.store.size:,} parameters of {directory}, for {target.value}, into {out}")


def _write_folder(
    model: "GPT", tokenizer: "Tokenizer | None", out: Path, shard_size: int | None
) -> None:
    """A folder as transformers loads it, with ``AutoModelForCausalLM`` and ``AutoTokenizer``."""
    import json

    from scratchgpt.errors import UserError
    from scratchgpt.files import write_text
    from scratchgpt.generation import check_tokenizer
    from scratchgpt.models.huggingface import obstacle
    from scratchgpt.text import TOKENIZER_FILE
    from scratchgpt.text.tokenizers.tokenizer import END_OF_TEXT

    reason = obstacle(model.config)
    if reason is not None:
        raise UserError(f"transformers has no GPT-1 or GPT-2 with {reason}, as the model has")
    if tokenizer is not None:
        check_tokenizer(model, tokenizer)
    end_of_text = tokenizer.end_of_text if tokenizer is not None else None
    shard_bytes = None if shard_size is None else 1_000_000 * shard_size
    model.save_pretrained(out, end_of_text=end_of_text, shard_bytes=shard_bytes)
    if tokenizer is None:
        return
    tokenizer.save(out / TOKENIZER_FILE)
    # Not GPT-2's class, which would cut the text its own way whatever tokenizer.json says.
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": model.config.block_size,
        "clean_up_tokenization_spaces": False,
    }
    if end_of_text is not None:
        settings.update({"bos_token": END_OF_TEXT, "eos_token": END_OF_TEXT})
    write_text(out / "tokenizer_config.json", json.dumps(settings, indent=2) + "\n")
