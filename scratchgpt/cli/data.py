"""``scratchgpt data``: prepare corpora, and see what there is."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

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
    help="Prepare corpora for training, and see what there is.",
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
            help="Text files, folders, globs, - for standard input, or a name: see "
            "`scratchgpt data list`."
        ),
    ],
    tokenizer: Annotated[
        str, typer.Option(help="characters, bytes, bpe:SIZE or a tokenizer.json.")
    ] = "characters",
    val_fraction: Annotated[
        float, typer.Option(help="Share of the corpus, at its end, that validates.")
    ] = 0.1,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for the token shards. [default: one in the cache]"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Turn text into token shards, once.

    Training does this by itself, and reads the shards without loading them. What is prepared and
    unchanged is not done again; what was interrupted goes on where it stopped.
    """
    import json

    from scratchgpt.cli.console import preparation_progress, write_line
    from scratchgpt.text import prepare

    with preparation_progress() as progress:
        prepared = prepare(
            corpus, tokenizer, directory=out, val_fraction=val_fraction, progress=progress
        )
    if as_json:
        print(json.dumps(_record(prepared)))
    else:
        write_line("\n".join(_description(prepared)))


@app.command("list", epilog=LIST_EPILOG)
def list_command(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """List corpora by name, and what the cache holds."""
    import json

    from scratchgpt.cli.console import write_line
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
        print(json.dumps(record))
        return
    lines = ["corpora with a name:"]
    lines += [f"  {name:<16} {text}" for name, text in NAMED_CORPORA.items()]
    lines += [f"prepared in {cache_directory()}:"]
    for directory, manifest in found:
        lines.append(
            f"  {directory.name}  {manifest.n_tokens:>13,} {manifest.tokenizer['kind']:<10}  "
            f"{_names(manifest.documents)}"
        )
    if not found:
        lines.append("  nothing yet; `scratchgpt data prepare python-docs` makes a beginning")
    write_line("\n".join(lines))


@app.command("show", epilog=SHOW_EPILOG)
def show_command(
    directory: Annotated[
        Path, typer.Argument(help="Folder of a prepared corpus, or its name in the cache.")
    ],
    tokens: Annotated[int, typer.Option(min=0, help="How many tokens to decode.")] = 200,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Show what a prepared corpus holds, and how it begins."""
    import json

    from scratchgpt.cli.console import write_line
    from scratchgpt.text import corpora_directory, open_prepared

    in_cache = corpora_directory() / directory
    prepared = open_prepared(in_cache if in_cache.exists() else directory)
    first = prepared.tokens.read(0, min(tokens, len(prepared.tokens)))
    beginning = prepared.tokenizer.decode(first)
    if as_json:
        print(json.dumps({**_record(prepared), "beginning": beginning}))
        return
    lines = _description(prepared)
    if tokens:
        lines += [f"--- its first {len(first):,} tokens", beginning]
    write_line("\n".join(lines))


def _record(prepared: "PreparedCorpus") -> dict[str, Any]:
    """A prepared corpus for a program."""
    from dataclasses import asdict

    return {
        "directory": str(prepared.directory),
        "n_tokens": len(prepared.tokens),
        **asdict(prepared.manifest),
    }


def _description(prepared: "PreparedCorpus") -> list[str]:
    """A prepared corpus for a person."""
    from rich.filesize import decimal

    manifest, tokenizer = prepared.manifest, prepared.tokenizer
    return [
        f"folder      {prepared.directory}",
        f"text        {_names(manifest.documents)}, {decimal(manifest.n_bytes)}",
        f"tokenizer   {tokenizer.kind}, {tokenizer.vocab_size:,} tokens",
        f"tokens      {manifest.n_tokens:,}, {manifest.n_bytes / manifest.n_tokens:.2f} bytes each",
        f"training    {len(prepared.train):,}",
        f"validation  {len(prepared.val):,}",
    ]


def _names(documents: list[dict[str, str]]) -> str:
    first = documents[0]["name"]
    return first if len(documents) == 1 else f"{first} and {len(documents) - 1:,} more"
