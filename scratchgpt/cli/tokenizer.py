"""``scratchgpt tokenizer``: train tokenizers on text, and show how they split text."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scratchgpt.cli.console import preparation_progress, read_standard_input, write_json, write_line
from scratchgpt.cli.outputs import NEW_FILE, refuse_existing
from scratchgpt.errors import counted

if TYPE_CHECKING:
    from scratchgpt.text import Tokenizer

DEFAULT_VOCAB_SIZE = 4096

TRAIN_EPILOG = """Examples:

scratchgpt tokenizer train python-docs --vocab-size 2000 --out bpe.json

scratchgpt train python-docs --tokenizer bpe.json --out runs/mine

scratchgpt tokenizer train notes/ --kind characters --out letters.json
"""

SHOW_EPILOG = """Examples:

scratchgpt tokenizer show runs/first/best

scratchgpt tokenizer show bpe.json "How is this split?"

cat novel.txt | scratchgpt tokenizer show bpe.json - --json
"""

app = typer.Typer(
    help="Train tokenizers on text, and show how they split text.",
    epilog="""Examples:

scratchgpt tokenizer train python-docs --vocab-size 2000 --out bpe.json

scratchgpt tokenizer show bpe.json "How is this split?"
""",
    no_args_is_help=True,
    rich_markup_mode=None,
)


class Kind(StrEnum):
    """The tokenizers that are trained on text; the byte tokenizer needs no training."""

    bpe = "bpe"
    characters = "characters"


@app.command("train", epilog=TRAIN_EPILOG)
def train_command(
    corpus: Annotated[
        list[str],
        typer.Argument(
            help="Text files, folders, globs, - for standard input, or the name of a corpus "
            "(see `scratchgpt data list`)."
        ),
    ],
    vocab_size: Annotated[
        int | None,
        typer.Option(
            help="Size of the BPE vocabulary, including the 256 bytes and the end-of-text token. "
            f"[default: {DEFAULT_VOCAB_SIZE}]",
        ),
    ] = None,
    kind: Annotated[
        Kind,
        typer.Option(help="bpe (byte-level byte-pair encoding) or characters (one per token)."),
    ] = Kind.bpe,
    out: Annotated[Path, typer.Option(help=f"File to write. {NEW_FILE}")] = Path("tokenizer.json"),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Train a tokenizer on text and write it to a tokenizer.json."""
    from scratchgpt.files import make_folder
    from scratchgpt.text import learn_tokenizer

    spec = str(kind)
    if kind is Kind.bpe:
        spec = f"bpe:{DEFAULT_VOCAB_SIZE if vocab_size is None else vocab_size}"
    elif vocab_size is not None:
        raise typer.BadParameter(
            f"{vocab_size} does not apply to --kind {kind}, whose vocabulary is the characters of "
            "the text; leave it out",
            param_hint="--vocab-size",
        )
    refuse_existing(out)
    make_folder(out.parent)  # fail before an hour of training if the file cannot be written
    with preparation_progress() as progress:
        tokenizer = learn_tokenizer(corpus, spec, progress=progress)
    tokenizer.save(out)
    if as_json:
        write_json({"out": str(out), **_properties(tokenizer)})
    else:
        write_line(f"{out}: {_headline(tokenizer)}")


@app.command("show", epilog=SHOW_EPILOG)
def show_command(
    file: Annotated[
        Path,
        typer.Argument(
            help="A tokenizer.json, or the folder of a run, model or prepared corpus; vocab.json "
            "and merges.txt also work."
        ),
    ],
    text: Annotated[
        str | None,
        typer.Argument(help="Text to split; - reads standard input.", show_default=False),
    ] = None,
    special_tokens: Annotated[
        bool,
        typer.Option(
            "--special-tokens",
            help="Read <|endoftext|> in the text as the special token and add the file's start "
            "and end tokens, as transformers does.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show a tokenizer, and the token ids and pieces of a text.

    A piece that is not valid text by itself, such as one byte of a longer character, is shown as
    b'...'.
    """
    from scratchgpt.text import load_tokenizer

    tokenizer = load_tokenizer(_folder_of_model(file))
    if text == "-":
        text = read_standard_input()
    encode = tokenizer.encode_marked if special_tokens else tokenizer.encode
    tokens = None if text is None else encode(text).tolist()
    pieces = [tokenizer.token_bytes(token) for token in tokens or []]
    if as_json:
        record = {"file": str(file), **_properties(tokenizer)}
        if tokens is not None:
            record |= {
                "ids": tokens,
                "pieces": [_as_text(piece) for piece in pieces],
                "bytes": [piece.hex() for piece in pieces],
            }
        write_json(record)
        return
    write_line(f"{file}: {_headline(tokenizer)}")
    if text is None or tokens is None:
        return
    width = len(str(tokenizer.vocab_size - 1))
    for token, piece in zip(tokens, pieces, strict=True):
        shown = _as_text(piece)
        write_line(
            f"{token:>{width}}  {piece!r}" if shown is None else f"{token:>{width}}  {shown!r}"
        )
    n_bytes = len(text.encode("utf-8"))
    if tokens:
        write_line(f"{counted(len(tokens), 'token')}, {n_bytes / len(tokens):.2f} bytes per token")


def _folder_of_model(file: Path) -> Path:
    """Return the model of a run, and other paths unchanged."""
    from scratchgpt.errors import UserError
    from scratchgpt.recipes.model_folder import find_model
    from scratchgpt.text import has_tokenizer

    if not file.is_dir() or has_tokenizer(file):
        return file
    try:
        return find_model(file)
    except UserError:
        raise UserError(
            f"{file} has neither a tokenizer nor a run; name a tokenizer.json, or a folder with "
            "one, or with vocab.json and merges.txt"
        ) from None


def _as_text(piece: bytes) -> str | None:
    """Decode a piece; None if it is only a part of a character."""
    try:
        return piece.decode()
    except UnicodeDecodeError:
        return None


def _properties(tokenizer: "Tokenizer") -> dict[str, Any]:
    return {
        "kind": tokenizer.kind,
        "vocab_size": tokenizer.vocab_size,
        "end_of_text": tokenizer.end_of_text,
        "fingerprint": tokenizer.fingerprint,
    }


def _headline(tokenizer: "Tokenizer") -> str:
    end = tokenizer.end_of_text
    special = "" if end is None else f", end of text {end}"
    return f"{tokenizer.kind}, {counted(tokenizer.vocab_size, 'token')}{special}"
