"""Where compiled kernels are kept between runs."""

import functools
import hashlib
import importlib.metadata
import os
from pathlib import Path


@functools.cache
def cache_folder() -> Path:
    """``NUMBA_CACHE_DIR`` where that is set; else a folder in the user's cache.

    It is named after the source of all kernels: Numba notices that the file of a kernel has
    changed, but not that of a piece which the kernel took from another file.
    """
    if folder := os.environ.get("NUMBA_CACHE_DIR"):
        return Path(folder)
    import platformdirs

    sources = sorted(Path(__file__).parent.glob("*.py"))
    digest = hashlib.blake2b(digest_size=8)
    digest.update(importlib.metadata.version("numba").encode())
    for source in sources:
        digest.update(source.read_bytes())
    return Path(platformdirs.user_cache_dir("scratchgpt")) / "kernels" / digest.hexdigest()
