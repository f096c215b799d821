"""``scratchgpt tokenizer``: learn one from text, and look at how it cuts."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

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

scratchgpt tokenizer show bpe.json "How is this cut?"

cat novel.txt | scratchgpt tokenizer show bpe.json - --json
"""

app = typer.Typer(
    help="Learn tokenizers from text, and look at how they cut it.",
    epilog="""Examples:

scratchgpt tokenizer train python-docs --vocab-size 2000 --out bpe.json

scratchgpt tokenizer show bpe.json "How is this cut?"
""",
    no_args_is_help=True,
    rich_markup_mode=None,
)


class Kind(StrEnum):
    """The tokenizers that are learnt; that of bytes is always the same."""

    bpe = "bpe"
    characters = "characters"


@app.command("train", epilog=TRAIN_EPILOG)
def train_command(
    corpus: Annotated[
        list[str],
        typer.Argument(
            help="Text files, folders, globs, - for standard input, or a name: see "
            "`scratchgpt data list`."
        ),
    ],
    vocab_size: Annotated[
        int | None,
        typer.Option(
            help="Tokens of a bpe vocabulary, the 256 bytes and the end of text among them. "
            f"[default: {DEFAULT_VOCAB_SIZE}]",
        ),
    ] = None,
    kind: Annotated[
        Kind, typer.Option(help="Byte-level byte-pair encoding, or every character of the text.")
    ] = Kind.bpe,
    out: Annotated[Path, typer.Option(help="File to write; one that is there is replaced.")] = Path(
        "tokenizer.json"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Learn a tokenizer from text and write its tokenizer.json."""
    import json

    from scratchgpt.cli.console import preparation_progress, write_line
    from scratchgpt.files import make_folder
    from scratchgpt.text import learn_tokenizer

    spec = str(kind)
    if kind is Kind.bpe:
        spec = f"bpe:{DEFAULT_VOCAB_SIZE if vocab_size is None else vocab_size}"
    elif vocab_size is not None:
        raise typer.BadParameter("the text decides how many characters", param_hint="--vocab-size")
    make_folder(out.parent)  # what cannot be written is told before an hour of learning
    with preparation_progress() as progress:
        tokenizer = learn_tokenizer(corpus, spec, progress=progress)
    tokenizer.save(out)
    if as_json:
        print(json.dumps({"out": str(out), **_properties(tokenizer)}))
    else:
        write_line(f"{out}: {_headline(tokenizer)}")


@app.command("show", epilog=SHOW_EPILOG)
def show_command(
    file: Annotated[
        Path, typer.Argument(help="A tokenizer.json, or the folder of a run, model or corpus.")
    ],
    text: Annotated[
        str | None, typer.Argument(help="What to cut; - reads standard input.", show_default=False)
    ] = None,
    special_tokens: Annotated[
        bool,
        typer.Option(
            "--special-tokens",
            help="Take <|endoftext|> in the text for the token, as transformers does.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Show what a tokenizer is, and how it cuts a text: ids and pieces.

    A piece that is not text by itself, as a byte of a longer character, is shown as b'...'.
    """
    import json

    from scratchgpt.cli.console import read_standard_input, write_line
    from scratchgpt.recipes.model_folder import find_model
    from scratchgpt.text import TOKENIZER_FILE, load_tokenizer

    is_run = file.is_dir() and not (file / TOKENIZER_FILE).exists()
    tokenizer = load_tokenizer(find_model(file) if is_run else file)
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
        print(json.dumps(record))
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
        write_line(f"{len(tokens):,} tokens, {n_bytes / len(tokens):.2f} bytes a token")


def _as_text(piece: bytes) -> str | None:
    """The piece as text; None where it is only a part of a character."""
    try:
        return piece.decode("utf-8")
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
    special = "" if end is None else f", of which {end} is the end of text"
    return f"{tokenizer.kind}, {tokenizer.vocab_size:,} tokens{special}"
