"""``scratchgpt embed``: write the vectors of texts to a file."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scratchgpt.cli.completion import complete
from scratchgpt.cli.console import message, preparation_progress, read_standard_input
from scratchgpt.cli.kernels import Threads, prepare_kernels
from scratchgpt.cli.outputs import NEW_FILE, refuse_existing

if TYPE_CHECKING:
    from scratchgpt.embeddings import TextEncoder

EPILOG = """Examples:

scratchgpt embed --model runs/code "read a config file" --role query --out query.npy

scratchgpt embed -m runs/code src/config.py src/main.py --out files.jsonl

cat titles.txt | scratchgpt embed -m runs/code - --dim 64 --out titles.npy
"""

ENDINGS = (".npy", ".jsonl", ".npz")


class Role(StrEnum):
    """What a text is for."""

    query = "query"
    document = "document"


class Precision(StrEnum):
    """How the numbers of a vector are stored."""

    float32 = "float32"
    int8 = "int8"
    binary = "binary"
    ubinary = "ubinary"


def embed_command(
    texts: Annotated[
        list[str],
        typer.Argument(
            help="Texts, or files, each of which is one text; - stands for the lines of standard "
            "input.",
            show_default=False,
        ),
    ],
    model: Annotated[
        Path,
        typer.Option(
            "--model",
            "-m",
            help="Folder of a run or model that embeds texts.",
            autocompletion=complete(folders=True),
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            help="File for the vectors, in the order of the texts: .npy, .jsonl with the texts, or "
            f".npz for int8. {NEW_FILE}"
        ),
    ],
    role: Annotated[
        Role, typer.Option(help="Whether the texts search or are searched.")
    ] = Role.document,
    dim: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Keep only the first numbers of each vector, scaled to length 1.",
            show_default="all",
        ),
    ] = None,
    precision: Annotated[
        Precision,
        typer.Option(help="Format of the numbers; int8 has a scale per vector, binary one bit."),
    ] = Precision.float32,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict", help="Refuse texts that are longer than the model, instead of cutting them."
        ),
    ] = False,
    threads: Threads = None,
) -> None:
    """Embed texts as vectors of length 1.

    The inner product of two of them says how close their meanings are.

    An empty text is embedded too. Equal texts have equal vectors.
    """
    from scratchgpt.embeddings import TextEncoder
    from scratchgpt.errors import UserError, counted

    if out.suffix not in ENDINGS:
        raise typer.BadParameter(
            f"{out} must end in {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}", param_hint="--out"
        )
    if (out.suffix == ".npz") != (precision == Precision.int8) and out.suffix != ".jsonl":
        better = ".npz" if precision == Precision.int8 else ".npy"
        raise typer.BadParameter(
            f"{out.suffix} does not fit precision {precision}; use {better} or .jsonl",
            param_hint="--out",
        )
    refuse_existing(out)
    read = _read(texts)
    if not read:
        raise UserError("standard input is empty; there is nothing to embed")
    encoder = TextEncoder.from_pretrained(model)
    if strict:
        _refuse_long(encoder, read, role)
    prepare_kernels(threads)
    with preparation_progress() as progress:
        encode = encoder.encode_query if role == Role.query else encoder.encode_document
        vectors = encode(
            read,
            truncate_dim=dim,
            normalize_embeddings=dim is not None,
            precision=precision.value,
            on_progress=lambda done, total: progress("embedding", done, total),
        )
    _write(out, read, vectors)
    message(f"{counted(len(read), 'vector')} of {dim or encoder.dim} numbers in {out}")


def _read(words: list[str]) -> list[str]:
    """Return the texts that the arguments stand for."""
    from scratchgpt.errors import UserError
    from scratchgpt.utf8 import read_text

    texts: list[str] = []
    for word in words:
        if word == "-":
            content = read_standard_input()
            texts += content.split("\n") if content else []
        elif len(word) < 4096 and Path(word).is_file():
            try:
                texts.append(read_text(Path(word)))
            except (UserError, OSError) as error:
                raise UserError(f"cannot read {word}: {error}") from error
        else:
            texts.append(word)
    return texts


def _refuse_long(encoder: "TextEncoder", texts: list[str], role: Role) -> None:
    from scratchgpt.errors import UserError, counted

    lengths = encoder.count_tokens(texts, prompt_name=role.value)
    too_long = [i for i, length in enumerate(lengths) if length > encoder.max_tokens]
    if too_long:
        first, most = too_long[0], counted(encoder.max_tokens, "token")
        raise UserError(
            f"{counted(len(too_long), 'text')} longer than the {most} that the model reads, the "
            f"first of them text {first + 1:,} with {lengths[first]:,}; split it, or leave out "
            "--strict"
        )


def _write(out: Path, texts: list[str], vectors: object) -> None:
    """Write an array, the codes and scales of int8, or a JSON object per text, atomically."""
    import json

    import numpy as np

    from scratchgpt.embeddings import Int8Vectors
    from scratchgpt.files import replacing

    with replacing(out) as temporary:
        if out.suffix == ".jsonl":
            with open(temporary, "w", encoding="ascii", newline="\n") as lines:
                for i, text in enumerate(texts):
                    if isinstance(vectors, Int8Vectors):
                        numbers = {
                            "embedding": vectors.codes[i].tolist(),
                            "scale": float(vectors.scale[i, 0]),
                        }
                    else:
                        numbers = {"embedding": np.asarray(vectors)[i].tolist()}
                    lines.write(json.dumps({"text": text, **numbers}) + "\n")
            return
        with open(temporary, "wb") as file:
            if isinstance(vectors, Int8Vectors):
                np.savez(file, codes=vectors.codes, scale=vectors.scale)
            else:
                np.save(file, np.asarray(vectors), allow_pickle=False)
