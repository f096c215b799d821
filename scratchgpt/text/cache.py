"""The folder in which prepared corpora and downloads are kept."""

import os
from pathlib import Path

CACHE_VARIABLE = "SCRATCHGPT_CACHE"


def cache_directory() -> Path:
    """Where prepared corpora and downloads are kept: SCRATCHGPT_CACHE, or the user's cache."""
    if folder := os.environ.get(CACHE_VARIABLE):
        return Path(folder)
    import pooch

    return Path(pooch.os_cache("scratchgpt"))
