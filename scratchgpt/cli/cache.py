"""``scratchgpt cache``: show and clear the files that scratchgpt keeps for later runs."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from scratchgpt.cli.console import byte_count, write_json, write_line

SHOW_EPILOG = """Examples:

scratchgpt cache show

scratchgpt cache show --json
"""

CLEAR_EPILOG = """Examples:

scratchgpt cache clear kernels

scratchgpt cache clear corpora texts

scratchgpt cache clear all
"""

app = typer.Typer(
    help="Show and clear the files that are kept for later runs.",
    epilog="""Examples:

scratchgpt cache show

scratchgpt cache clear corpora
""",
    no_args_is_help=True,
    rich_markup_mode=None,
)


class Part(StrEnum):
    """A part of the cache; runs create it when they need it."""

    kernels = "kernels"
    corpora = "corpora"
    downloads = "downloads"
    texts = "texts"
    indexes = "indexes"
    models = "models"
    all = "all"


CONTENTS = {
    Part.kernels: "compiled kernels",
    Part.corpora: "prepared corpora",
    Part.downloads: "downloaded files",
    Part.texts: "generated texts, and copies of standard input",
    Part.indexes: "indexes of searched folders",
    Part.models: "the model that searches by meaning",
}


@app.command("show", epilog=SHOW_EPILOG)
def show_command(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show the folders of the cache and their sizes."""
    from scratchgpt.files import folder_bytes

    folders = _folders()
    sizes = {part: sum(map(folder_bytes, paths)) for part, paths in folders.items()}
    if as_json:
        record = {
            part.value: {"folders": list(map(str, paths)), "bytes": sizes[part]}
            for part, paths in folders.items()
        }
        write_json(record)
        return
    for part, paths in folders.items():
        write_line(f"{part.value:<10} {byte_count(sizes[part]):>9}  {CONTENTS[part]}")
        for path in paths:
            write_line(f"{'':<10} {'':>9}  {path}")
    write_line(f"{'total':<10} {byte_count(sum(sizes.values())):>9}")


@app.command("clear", epilog=CLEAR_EPILOG)
def clear_command(
    parts: Annotated[list[Part], typer.Argument(help="What to remove.", show_default=False)],
) -> None:
    """Remove parts of the cache.

    What is removed is computed or downloaded again when it is needed, except the model that search
    uses by default: it is only removed if ``models`` is named. Other models and runs are not in the
    cache.
    """
    import os
    import shutil

    from scratchgpt.errors import UserError
    from scratchgpt.files import folder_bytes

    folders = _folders()
    chosen = dict.fromkeys(parts)
    if Part.all in parts:  # training the model took long, so it must be named
        chosen = dict.fromkeys([*(part for part in folders if part != Part.models), *parts])
        del chosen[Part.all]
    if Part.kernels in chosen and "NUMBA_CACHE_DIR" in os.environ:
        raise UserError(
            f"the kernels are in NUMBA_CACHE_DIR={os.environ['NUMBA_CACHE_DIR']}, which other "
            "programs may use too; remove that folder yourself, or unset the variable"
        )
    for part in chosen:
        n_bytes = sum(map(folder_bytes, folders[part]))
        for folder in filter(Path.exists, folders[part]):
            try:
                shutil.rmtree(folder)
            except OSError as error:
                raise UserError(
                    f"cannot remove {folder}: {error.strerror}; remove it yourself"
                ) from error
        write_line(f"removed {byte_count(n_bytes)} of {CONTENTS[part]}")


def _folders() -> dict[Part, list[Path]]:
    """Return the folders of each part of the cache."""
    from scratchgpt.embeddings.index.location import default_model_folder, indexes_folder
    from scratchgpt.kernels.compiler.cache import kernels_folder
    from scratchgpt.text.cache import cache_directory

    cache = cache_directory()
    return {
        Part.kernels: [kernels_folder()],
        Part.corpora: [cache / "corpora"],
        Part.downloads: [cache / "downloads"],
        Part.texts: [cache / "generated", cache / "spool"],
        Part.indexes: [indexes_folder()],
        Part.models: [default_model_folder().parent],
    }
