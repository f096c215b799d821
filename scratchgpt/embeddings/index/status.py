"""A description of an index, and its removal."""

from pathlib import Path
from typing import NamedTuple

from scratchgpt.embeddings.index.contents import Contents
from scratchgpt.embeddings.index.index import CONTENTS_FILE, LOCK_FILE
from scratchgpt.embeddings.index.vectors import VECTORS_FILE, Vectors
from scratchgpt.errors import UserError
from scratchgpt.files import folder_bytes


class IndexStatus(NamedTuple):
    """What an index contains.

    Attributes
    ----------
    n_files, n_pieces : int
    n_embedded : int
        Number of pieces with a vector.
    model : str
        Where the model of the vectors came from.
    n_bytes : int
        Size on disk.
    """

    n_files: int
    n_pieces: int
    n_embedded: int
    model: str
    n_bytes: int


def index_status(folder: Path) -> IndexStatus:
    """Describe the index in a folder; a folder without one has no files.

    Raises
    ------
    UserError
        If the index is damaged.
    """
    contents, numbers, model = Contents.empty(), {}, ""
    if (folder / CONTENTS_FILE).exists():
        contents = Contents.read(folder / CONTENTS_FILE)
    if (folder / VECTORS_FILE).exists():
        vectors = Vectors.read(folder / VECTORS_FILE)
        numbers, model = vectors.numbers, vectors.model
    n_embedded = sum(key in numbers for key in contents.keys)
    return IndexStatus(
        len(contents.files), len(contents.texts), n_embedded, model, folder_bytes(folder)
    )


def remove_index(folder: Path) -> None:
    """Remove the files of an index, and its folder if nothing else is in it.

    Raises
    ------
    UserError
        If a file cannot be removed.
    """
    try:
        for name in (CONTENTS_FILE, VECTORS_FILE, LOCK_FILE):
            (folder / name).unlink(missing_ok=True)
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"cannot remove {folder}: {reason}; remove it yourself") from error
