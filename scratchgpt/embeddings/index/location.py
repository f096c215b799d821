"""Where indexes and the default model are kept: in the cache folder of the user.

So a search writes nothing into the folders that it reads, which may be read-only or belong to
others, and ``scratchgpt cache`` shows and clears all indexes.
"""

import hashlib
import os
import re
from collections.abc import Sequence
from pathlib import Path

from scratchgpt.embeddings.pieces.text_files import repository_of
from scratchgpt.text.cache import cache_directory


def indexes_folder() -> Path:
    """Return the folder of the cache that contains all indexes."""
    return cache_directory() / "indexes"


def index_folder(roots: Sequence[Path | str]) -> Path:
    """Return the folder of the index for some folders.

    Folders of the same git repository share the index of the repository.
    """
    tops = set()
    for root in roots:
        real = Path(os.path.realpath(root))
        tops.add(str(repository_of(real) or real))
    digest = hashlib.sha256("\0".join(sorted(tops)).encode("utf-8", "surrogateescape"))
    name = re.sub(r"[^\w.-]", "_", Path(min(tops)).name, flags=re.ASCII)[:40]
    return indexes_folder() / f"{name}-{digest.hexdigest()[:16]}"


def default_model_folder() -> Path:
    """Return the folder of the model that ``scratchgpt search`` uses if it exists.

    ``scratchgpt search --setup`` trains it.
    """
    return cache_directory() / "models" / "code-search"
