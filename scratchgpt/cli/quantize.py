"""``scratchgpt quantize``: write a model with 8-bit weights, a quarter of its size."""

from pathlib import Path
from typing import Annotated

import typer

from scratchgpt.cli.console import byte_count, write_json, write_line
from scratchgpt.cli.generate import Which
from scratchgpt.cli.outputs import NEW_FOLDER, refuse_existing

EPILOG = """Examples:

scratchgpt quantize models/gpt2 --out models/gpt2-int8

scratchgpt generate --model models/gpt2-int8 --prompt "The "
"""


def quantize_command(
    model: Annotated[Path, typer.Argument(help="Folder of a run or model.")],
    out: Annotated[Path, typer.Option(help=f"Folder for the quantized model. {NEW_FOLDER}")],
    which: Annotated[
        Which | None,
        typer.Option(
            help="Checkpoint of the run.", show_default="the first of average, best, last"
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Quantize a GPT to 8 bits per weight, to generate faster.

    Each row of a matrix has its own scale. Embeddings and output head are quantized too.
    """
    from scratchgpt.chat import named_format
    from scratchgpt.folders import new_folder
    from scratchgpt.models import QuantizedGPT, save_pretrained
    from scratchgpt.models.directory import CONFIG_FILE
    from scratchgpt.recipes.model_folder import find_model, load_gpt
    from scratchgpt.text import TOKENIZER_FILE, load_tokenizer

    refuse_existing(out)
    directory = find_model(model, which and which.value)
    gpt, tokenizer = load_gpt(directory), named_format(load_tokenizer(directory))
    quantized = QuantizedGPT(gpt)
    known = quantized.special_ids.ends
    with new_folder(out, last=CONFIG_FILE) as folder:
        save_pretrained(quantized, folder, end_of_text=None if known else tokenizer.end_of_text)
        tokenizer.save(folder / TOKENIZER_FILE)
    n_bytes = gpt.dtype.itemsize * gpt.store.size
    if as_json:
        write_json({"out": str(out), "bytes": quantized.nbytes, "bytes_before": n_bytes})
    else:
        write_line(
            f"quantized {directory} to {out}: {byte_count(n_bytes)} to "
            f"{byte_count(quantized.nbytes)}"
        )
