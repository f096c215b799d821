"""``scratchgpt data``: prepare, list and show corpora."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scratchgpt.cli.console import preparation_progress, write_json, write_line, write_text
from scratchgpt.errors import counted

if TYPE_CHECKING:
    from scratchgpt.text import PreparedCorpus

PREPARE_EPILOG = """Examples:

scratchgpt data prepare python-docs

scratchgpt data prepare notes/ 'books/*.txt' --tokenizer bpe:4096

scratchgpt data prepare novel.txt --val-fraction 0.05 --out data/novel

zcat big.txt.gz | scratchgpt data prepare - --tokenizer bytes --json
"""

LIST_EPILOG = """Examples:

scratchgpt data list

scratchgpt data list --json
"""

SHOW_EPILOG = """Examples:

scratchgpt data show data/novel

scratchgpt data show data/novel --tokens 500
"""

app = typer.Typer(
    help="Prepare, list and show corpora.",
    epilog="""Examples:

scratchgpt data list

scratchgpt data prepare novel.txt --out data/novel

scratchgpt data show data/novel
""",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("prepare", epilog=PREPARE_EPILOG)
def prepare_command(
    corpus: Annotated[
        list[str],
        typer.Argument(
            help="Text files, folders, globs, - for standard input, or the name of a corpus "
            "(see `scratchgpt data list`)."
        ),
    ],
    tokenizer: Annotated[
        str, typer.Option(help="characters, bytes, bpe:SIZE or the path of a tokenizer.json.")
    ] = "characters",
    val_fraction: Annotated[
        float,
        typer.Option(help="Fraction of the corpus, at its end, that is held out for validation."),
    ] = 0.1,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for the token shards. It must be new, empty or of the same corpus. "
            "[default: a folder in the cache]"
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Tokenize text and save the tokens as shards.

    `scratchgpt train` does this automatically, and reads the shards without loading them into
    memory. A corpus that is already prepared and has not changed is not tokenized again. An
    interrupted preparation resumes.
    """
    from scratchgpt.text import prepare

    with preparation_progress() as progress:
        prepared = prepare(
            corpus,
            tokenizer,
            directory=out,
            val_fraction=val_fraction,
            progress=progress,
            overwrite=False,
        )
    if as_json:
        write_json(_record(prepared))
    else:
        for line in _description(prepared):
            write_line(line)


@app.command("list", epilog=LIST_EPILOG)
def list_command(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """List the named corpora and the prepared corpora in the cache."""
    from scratchgpt.text import NAMED_CORPORA, cache_directory, prepared_in_cache

    found = prepared_in_cache()
    if as_json:
        record = {
            "named": NAMED_CORPORA,
            "cache": str(cache_directory()),
            "prepared": [
                {
                    "directory": str(directory),
                    "documents": [document["name"] for document in manifest.documents],
                    "tokenizer": manifest.tokenizer,
                    "n_bytes": manifest.n_bytes,
                    "n_tokens": manifest.n_tokens,
                }
                for directory, manifest in found
            ],
        }
        write_json(record)
        return
    lines = ["named corpora:"]
    lines += [f"  {name:<19} {text}" for name, text in NAMED_CORPORA.items()]
    lines += [f"prepared in {cache_directory()}:"]
    for directory, manifest in found:
        lines.append(
            f"  {directory.name}  {manifest.n_tokens:>13,} {manifest.tokenizer['kind']:<10}  "
            f"{_names(manifest.documents)}"
        )
    if not found:
        lines.append("  nothing yet; start with `scratchgpt data prepare python-docs`")
    for line in lines:
        write_line(line)


@app.command("show", epilog=SHOW_EPILOG)
def show_command(
    directory: Annotated[
        Path,
        typer.Argument(help="Folder of a prepared corpus, or the name of one in the cache."),
    ],
    tokens: Annotated[
        int, typer.Option(min=0, help="Number of tokens to decode from the start.")
    ] = 200,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show the size, tokenizer and first tokens of a prepared corpus."""
    from scratchgpt.text import corpora_directory, open_prepared

    in_cache = corpora_directory() / directory
    prepared = open_prepared(in_cache if in_cache.exists() else directory)
    first = prepared.tokens.read(0, min(tokens, len(prepared.tokens)))
    beginning = prepared.tokenizer.decode(first)
    if as_json:
        write_json({**_record(prepared), "beginning": beginning})
        return
    lines = _description(prepared)
    if tokens:
        lines.append(f"--- first {counted(len(first), 'token')}")
    for line in lines:
        write_line(line)
    if tokens:
        write_text(f"{beginning}\n")


def _record(prepared: "PreparedCorpus") -> dict[str, Any]:
    """Describe a prepared corpus in JSON types."""
    from dataclasses import asdict

    return {
        "directory": str(prepared.directory),
        "n_tokens": len(prepared.tokens),
        **asdict(prepared.manifest),
    }


def _description(prepared: "PreparedCorpus") -> list[str]:
    """Describe a prepared corpus in lines of text."""
    from rich.filesize import decimal

    manifest, tokenizer = prepared.manifest, prepared.tokenizer
    return [
        f"folder      {prepared.directory}",
        f"text        {_names(manifest.documents)}, {decimal(manifest.n_bytes)}",
        f"tokenizer   {tokenizer.kind}, {counted(tokenizer.vocab_size, 'token')}",
        f"tokens      {manifest.n_tokens:,}, {manifest.n_bytes / manifest.n_tokens:.2f} bytes each",
        f"training    {len(prepared.train):,}",
        f"validation  {len(prepared.val):,}",
    ]


def _names(documents: list[dict[str, str]]) -> str:
    first = documents[0]["name"]
    return first if len(documents) == 1 else f"{first} and {len(documents) - 1:,} more"
