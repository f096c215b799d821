"""CoSQA: questions that people asked a search engine, and the Python functions that answer them.

Huang et al. 2021, arXiv:2105.13239.
"""

from pathlib import Path
from typing import Any

from scratchgpt.compressed import decompress
from scratchgpt.errors import UserError, did_you_mean
from scratchgpt.evaluation.ranking import RankingTask
from scratchgpt.structured import parse_json
from scratchgpt.text.cache import cache_directory
from scratchgpt.text.corpora.downloads import Download, fetch

COSQA = "500 questions about Python, and 6,267 functions (Huang et al. 2021); 2.4 MB"

# A commit instead of a branch, because its content does not change.
_FOLDER = (
    "https://raw.githubusercontent.com/Jun-jie-Huang/CoCLR/"
    "14ebcacf9e9bc3e7109102632bc63047876f27d2/data/search"
)
_SHA256 = {
    "code_idx_map.txt": "be8a910ca03cb9f1b38a0eba6dc8109eeb8040a40aaba1a467a7b8426d261f3f",
    "cosqa-retrieval-dev-500.json": (
        "ccdfffee7ae1f1cf1a0406566a61c984f4fbce678c8ea108eedd03d11bff9518"
    ),
    "cosqa-retrieval-test-500.json": (
        "27d3552b2e7dd86cf9f9a0b3c135e6777d4faafa9c29fb1b9b01ece945974ad6"
    ),
}

COSQA_FILES = {
    name: Download(
        description=COSQA, file=f"embed/cosqa/{name}", url=f"{_FOLDER}/{name}", sha256=sha256
    )
    for name, sha256 in _SHA256.items()
}
_SPLITS = ("dev", "test")


def cosqa(split: str = "test", cache: Path | None = None) -> RankingTask:
    """Read CoSQA from the folder SCRATCHGPT_DATA, from the cache, or by download.

    Parameters
    ----------
    split : {"test", "dev"}
        Both have 500 questions and the same 6,267 functions. A question has one right function.
    cache : path, optional
        By default that of :func:`scratchgpt.text.cache_directory`.

    Raises
    ------
    UserError
        If the split is unknown, or a file cannot be downloaded.
    """
    if split not in _SPLITS:
        raise UserError(f"split={split!r} must be dev or test{did_you_mean(split, _SPLITS)}")
    cache = cache_directory() if cache is None else cache
    places = _read("code_idx_map.txt", cache)
    questions = _read(f"cosqa-retrieval-{split}-500.json", cache)
    return RankingTask(
        queries=[question["doc"] for question in questions],
        documents=sorted(places, key=places.__getitem__),
        relevant=[{question["retrieval_idx"]} for question in questions],
    )


def _read(name: str, cache: Path) -> Any:
    """Read one file, whose content the checksum has proven."""
    path = fetch(f"{name} of CoSQA", COSQA_FILES[name], cache, gzipped=True)
    return parse_json(decompress(path.read_bytes(), str(path)), str(path))
