"""The cache folder for prepared corpora and downloads."""

import os
from pathlib import Path

CACHE_VARIABLE = "SCRATCHGPT_CACHE"


def cache_directory() -> Path:
    """Return the cache folder: SCRATCHGPT_CACHE if it is set, or a folder of the user's cache."""
    if folder := os.environ.get(CACHE_VARIABLE):
        return Path(folder)
    import pooch

    return Path(pooch.os_cache("scratchgpt"))
