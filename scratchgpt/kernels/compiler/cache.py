"""Where compiled kernels are kept between runs."""

import functools
import hashlib
import importlib.metadata
import os
from pathlib import Path
from typing import Any


@functools.cache
def cache_folder() -> Path:
    """``NUMBA_CACHE_DIR`` where that is set; else a folder in the user's cache.

    It is named after the source of all kernels: Numba notices that the file of a kernel has
    changed, but not that of a piece which the kernel took from another file.
    """
    if folder := os.environ.get("NUMBA_CACHE_DIR"):
        return Path(folder)
    import platformdirs

    digest = digest_of(Path(__file__).parents[1], importlib.metadata.version("numba"))
    return Path(platformdirs.user_cache_dir("scratchgpt")) / "kernels" / digest


def digest_of(sources: Path, version: str) -> str:
    """A name for the sources of a folder and its subfolders, compiled by a version of Numba."""
    digest = hashlib.blake2b(version.encode(), digest_size=8)
    for source in sorted(sources.rglob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()


def has_compiled(module: str) -> bool:
    """Whether the cache holds anything of a module of the kernels, given by its last name.

    Numba writes a file ``MODULE.FUNCTION-LINE.pyVERSION.nbi`` for each function, in a folder for
    each folder of sources.
    """
    return next(cache_folder().glob(f"*/{module}.*.nbi"), None) is not None


def saved_one_at_a_time(function: Any) -> Any:
    """A compiled function whose results processes that compile side by side keep in turn.

    Numba numbers the files of a function by its list of them, which it reads, extends and writes
    again. Two processes that do so at once, for different types of arguments, take the same number,
    and one of them leaves machine code under the other's types.
    """
    file = function._cache._cache_file
    save = file.save

    def save_in_turn(key: Any, data: Any) -> None:
        import filelock

        with filelock.FileLock(os.path.join(file._cache_path, "lock")):
            save(key, data)

    file.save = save_in_turn
    return function
