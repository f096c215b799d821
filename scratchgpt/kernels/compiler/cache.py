"""The on-disk cache of compiled kernels."""

import functools
import hashlib
import importlib.metadata
import os
import sys
from pathlib import Path
from typing import Any


@functools.cache
def cache_folder() -> Path:
    """Return ``NUMBA_CACHE_DIR`` if it is set, else a folder in the user's cache.

    The folder's name is a digest of the source of all kernels. Numba detects changes in the file
    of a kernel, but not in other files whose functions the kernel calls.
    """
    if "NUMBA_CACHE_DIR" in os.environ:
        return kernels_folder()
    return kernels_folder() / digest_of(
        Path(__file__).parents[1], importlib.metadata.version("numba")
    )


def kernels_folder() -> Path:
    """Return ``NUMBA_CACHE_DIR``, or the folder of the user's cache for all versions of kernels."""
    if folder := os.environ.get("NUMBA_CACHE_DIR"):
        return Path(folder)
    import platformdirs

    return Path(platformdirs.user_cache_dir("scratchgpt")) / "kernels"


def digest_of(sources: Path, version: str) -> str:
    """Return a digest of the sources in a folder and its subfolders, and of Numba's version."""
    digest = hashlib.blake2b(version.encode(), digest_size=8)
    for source in sorted(sources.rglob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()


def compiled_marker(what: str = "compiled") -> Path:
    """Return the file whose existence says that some of the kernels are in the cache."""
    return cache_folder() / f"{what}-{installation(Path(__file__).parents[1])}"


def installation(sources: Path) -> str:
    """Return a digest of what Numba needs to be equal to find a function that it has compiled.

    These are the version of Python, the CPU, and the path, time and size of each source.
    """
    from scratchgpt.kernels.compiler.cpu import cpu_features, cpu_name

    facts = [str(sys.implementation.cache_tag), cpu_name(), cpu_features()]
    for source in sorted(sources.rglob("*.py")):
        status = source.stat()
        facts += [str(source), str(status.st_mtime_ns), str(status.st_size)]
    return hashlib.blake2b("\n".join(facts).encode(), digest_size=8).hexdigest()


def saved_one_at_a_time(function: Any) -> Any:
    """Return the compiled function with a lock around the write to its cache.

    Numba numbers the files of a function with an index that it reads, extends and writes. Two
    processes that do so at once, for different types of arguments, would use the same number, and
    one would store its machine code under the types of the other.
    """
    file = function._cache._cache_file
    save = file.save

    def save_in_turn(key: Any, data: Any) -> None:
        import filelock

        with filelock.FileLock(os.path.join(file._cache_path, "lock")):
            save(key, data)

    file.save = save_in_turn
    return function
