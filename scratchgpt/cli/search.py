"""``scratchgpt search``: search the files below folders by words and by meaning."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scratchgpt.cli.completion import complete
from scratchgpt.cli.console import (
    message,
    preparation_progress,
    write_json,
    write_line,
)
from scratchgpt.cli.encoders import LazyEncoder, Model, find_model
from scratchgpt.cli.kernels import Threads

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scratchgpt.embeddings import Changes, Hit, Index

EPILOG = """Examples:

scratchgpt search "read a config file"

scratchgpt search "read a config file" src/ docs/ -n 3 --include '*.py'

scratchgpt search --model runs/code --semantic "retry after a failed download" .

scratchgpt search --setup

scratchgpt search --json --lexical parse_header src/ | head
"""

NO_MODEL = (
    "searching by words only, because there is no model; `search --setup` trains one, --model RUN "
    "names one, and --lexical hides this line"
)
LINES_SHOWN = 4  # of each piece
NO_MATCH = 1  # exit status, as that of grep

Folders = Annotated[
    list[Path] | None,
    typer.Argument(help="Folders or files to search.", show_default="the working directory"),
]
IndexFolder = Annotated[
    Path | None,
    typer.Option(
        "--index",
        metavar="FOLDER",
        help="Folder for the index.",
        show_default="a folder of the cache",
        autocompletion=complete(folders=True),
    ),
]


def search_command(
    query: Annotated[
        str | None,
        typer.Argument(help="What to search for, in your own words.", show_default=False),
    ] = None,
    folders: Folders = None,
    model: Model = None,
    lexical: Annotated[
        bool, typer.Option("--lexical", help="Search by words only (BM25).")
    ] = False,
    semantic: Annotated[bool, typer.Option("--semantic", help="Search by meaning only.")] = False,
    n: Annotated[int, typer.Option("-n", min=1, help="Maximum number of results.")] = 10,
    include: Annotated[
        list[str] | None,
        typer.Option(
            help="Show only files that match a pattern of .gitignore, such as '*.py'; may be "
            "repeated.",
        ),
    ] = None,
    scores: Annotated[
        bool, typer.Option("--scores", help="Show the score of each result.")
    ] = False,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Print one JSON object per result, one per line: path, first_line, last_line, "
            "symbol, text, score, lexical, semantic.",
        ),
    ] = False,
    setup: Annotated[
        bool,
        typer.Option(
            "--setup",
            help="Train a model for code and its documentation on this Python and its packages "
            "(once, in less than an hour on two cores); searches without --model use it.",
        ),
    ] = False,
    index: IndexFolder = None,
    threads: Threads = None,
) -> None:
    """Search files by their words and by what they mean.

    Python is searched by function, Markdown by section, and other text by paragraph.

    An index of the files is kept in the cache and brought up to date first. With a model, results
    are ranked by words and by meaning together. Files that a .gitignore excludes, hidden files,
    binary files and files of more than 1 MiB are not searched. If there is no match, the exit
    status is 1.
    """
    from scratchgpt.embeddings import index_folder
    from scratchgpt.errors import UserError

    if setup:
        from scratchgpt.cli.search_setup import set_up

        if query is not None:
            raise typer.BadParameter("takes no query", param_hint="--setup")
        set_up(threads)
        return
    if query is None:
        raise typer.BadParameter("give the words to search for", param_hint="QUERY")
    if lexical and semantic:
        raise typer.BadParameter("excludes --lexical; leave out one", param_hint="--semantic")
    roots = folders or [Path()]
    place = index or index_folder(roots)
    found = None if lexical else find_model(model, place)
    if found is None and semantic:
        raise UserError("search by meaning needs a model; name its run or folder with --model")
    if found is None and not lexical:
        message(NO_MODEL)
    opened, changes = updated_index(place, roots, found, threads)
    mode = "lexical" if lexical else "semantic" if semantic else None
    hits = opened.search(query, n, mode=mode, roots=roots, include=include or [])
    if not hits:
        _explain_nothing(opened, changes, roots, query, include or [])
    for hit in hits:
        _write_hit(hit, scores, as_json)


def updated_index(
    place: Path, roots: "Sequence[Path]", model: Path | None, threads: int | None
) -> "tuple[Index, Changes]":
    """Open an index and bring it up to date, with progress on standard error."""
    import os

    from scratchgpt.embeddings import Index

    encoder = None if model is None else LazyEncoder(model, threads)
    name = "" if model is None else os.path.realpath(model)
    index = Index.open(place, encoder, model=name, say=message)
    with preparation_progress() as progress:
        changes = index.update(roots, report=progress)
    if changes.skipped and changes.added + changes.changed:
        message(f"not indexed: {changes.skipped}")
    return index, changes


def shown_path(path: str) -> str:
    """Return a path as it is shown: relative to the working directory if it is below it."""
    import os

    relative = os.path.relpath(path)
    return path if relative.startswith(os.pardir) else relative


def _explain_nothing(
    index: "Index", changes: "Changes", roots: "Sequence[Path]", query: str, include: list[str]
) -> None:
    from scratchgpt.embeddings.index.selection import selected
    from scratchgpt.errors import UserError

    paths = [entry.path for entry in index.contents.files if entry.n_pieces]
    names = ", ".join(map(str, roots))
    if not any(selected(paths, roots, [])):
        skipped = f" (skipped: {changes.skipped})" if changes.skipped else ""
        raise UserError(f"{names}: there is no text to search{skipped}; name another folder")
    if not any(selected(paths, roots, include)):
        raise UserError(f"no file matches --include {' '.join(include)}; try '*.py' or 'src/**'")
    message(f"no match for {query!r} in {names}")
    raise typer.Exit(NO_MATCH)


def _write_hit(hit: "Hit", scores: bool, as_json: bool) -> None:
    path = shown_path(hit.path)
    if as_json:
        write_json(
            {
                "path": path,
                "first_line": hit.first,
                "last_line": hit.last,
                "symbol": hit.symbol,
                "text": hit.text,
                "score": hit.score,
                "lexical": hit.lexical,
                "semantic": hit.semantic,
            }
        )
        return
    symbol = f": {hit.symbol}" if hit.symbol else ""
    score = f"  ({hit.score:.3f})" if scores else ""
    write_line(f"{path}:{hit.first}{symbol}{score}")
    lines = hit.text.split("\n")
    for line in lines[:LINES_SHOWN]:
        write_line(f"    {line}".expandtabs(4).rstrip())
    if len(lines) > LINES_SHOWN:
        write_line("    ...")
    write_line("")
