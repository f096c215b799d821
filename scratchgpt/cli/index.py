"""``scratchgpt index``: bring the index of a search up to date, describe it or remove it."""

from pathlib import Path
from typing import Annotated

import typer

from scratchgpt.cli.console import byte_count, message, write_json, write_line
from scratchgpt.cli.encoders import Model, find_model
from scratchgpt.cli.kernels import Threads
from scratchgpt.cli.search import Folders, IndexFolder, updated_index

EPILOG = """Examples:

scratchgpt index src/ docs/ --model runs/code

scratchgpt index --status

scratchgpt index --clear
"""


def index_command(
    folders: Folders = None,
    model: Model = None,
    status: Annotated[
        bool, typer.Option("--status", help="Describe the index, and change nothing.")
    ] = False,
    clear: Annotated[bool, typer.Option("--clear", help="Remove the index.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    index: IndexFolder = None,
    threads: Threads = None,
) -> None:
    """Bring the index of a search up to date.

    New files are read, and new texts are embedded.

    ``scratchgpt search`` does so by itself. Folders of the same git repository share an index; only
    the given folders are compared with it. Ctrl-C keeps what is done.
    """
    from dataclasses import asdict

    from scratchgpt.embeddings import index_folder
    from scratchgpt.errors import counted

    if status and clear:
        raise typer.BadParameter("excludes --status; leave out one", param_hint="--clear")
    roots = folders or [Path()]
    place = index or index_folder(roots)
    if status:
        _show_status(place, as_json)
        return
    if clear:
        _clear(place)
        return
    found = find_model(model, place)
    _, changes = updated_index(place, roots, found, threads)
    if as_json:
        write_json({**asdict(changes), "folder": str(place)})
        return
    n_files = changes.added + changes.changed + changes.kept
    write_line(
        f"{counted(n_files, 'file')}: {changes.added:,} added, {changes.changed:,} changed, "
        f"{changes.removed:,} removed, {changes.kept:,} kept"
    )
    if found is None:
        message("indexed for search by words only; --model RUN embeds the texts too")
    else:
        write_line(f"{counted(changes.embedded, 'text')} embedded")
    write_line(f"index: {place}")


def _show_status(place: Path, as_json: bool) -> None:
    from scratchgpt.embeddings.index.status import index_status
    from scratchgpt.errors import counted

    status = index_status(place)
    record = {"folder": str(place), **status._asdict()}
    if as_json:
        write_json(record)
        return
    write_line(f"folder     {place}")
    write_line(f"files      {status.n_files:,}")
    write_line(f"pieces     {status.n_pieces:,}")
    write_line(f"embedded   {counted(status.n_embedded, 'piece')}")
    write_line(f"model      {status.model or 'none'}")
    write_line(f"size       {byte_count(status.n_bytes)}")


def _clear(place: Path) -> None:
    from scratchgpt.embeddings.index.status import remove_index
    from scratchgpt.files import folder_bytes

    n_bytes = folder_bytes(place)
    remove_index(place)
    write_line(f"removed {byte_count(n_bytes)} of index in {place}")
