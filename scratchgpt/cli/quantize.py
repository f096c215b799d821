"""``scratchgpt quantize``: a model in a quarter of its size, to generate with."""

from pathlib import Path
from typing import Annotated

import typer

from scratchgpt.cli.generate import Which

EPILOG = """Examples:

scratchgpt quantize models/gpt2 --out models/gpt2-int8

scratchgpt generate --model models/gpt2-int8 --prompt "The "
"""


def quantize_command(
    model: Annotated[Path, typer.Argument(help="Folder of a run or of a model.")],
    out: Annotated[Path, typer.Option(help="Folder for the quantised model.")],
    which: Annotated[
        Which | None,
        typer.Option(
            help="Which checkpoint of a run.", show_default="average, or else best, or last"
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Round the weights to 8 bits each.

    Every row of a matrix has a scale of its own; embeddings and head are rounded too.
    """
    import json

    from scratchgpt.cli.console import byte_count
    from scratchgpt.errors import UserError
    from scratchgpt.models import QuantizedGPT, save_pretrained
    from scratchgpt.models.pretrained import CONFIG_FILE
    from scratchgpt.recipes.model_folder import find_model, load_gpt
    from scratchgpt.text import TOKENIZER_FILE, load_tokenizer

    directory = find_model(model, which and which.value)
    if (out / CONFIG_FILE).exists():
        raise UserError(f"there is a model in {out}; choose another folder")
    gpt, tokenizer = load_gpt(directory), load_tokenizer(directory)
    quantized = QuantizedGPT(gpt)
    save_pretrained(quantized, out, end_of_text=tokenizer.end_of_text)
    tokenizer.save(out / TOKENIZER_FILE)
    n_bytes = gpt.dtype.itemsize * gpt.store.size
    if as_json:
        print(json.dumps({"out": str(out), "bytes": quantized.nbytes, "bytes_before": n_bytes}))
    else:
        print(f"{byte_count(n_bytes)} of {directory} in {byte_count(quantized.nbytes)}, into {out}")
