"""Multi30k: a small translation corpus of image descriptions in German and English.

Elliott, Frank, Sima'an and Specia 2016, arXiv:1605.00459.
"""

from pathlib import Path

from scratchgpt.errors import UserError
from scratchgpt.text.corpora.downloads import Download, fetch
from scratchgpt.text.pairs.pair_files import read_two_files
from scratchgpt.text.pairs.parallel_text import ParallelText

MULTI30K = "29,000 image descriptions, German and English (Elliott et al. 2016); 1.3 MB"
MULTI30K_LANGUAGES = ("de", "en")

# The file names of the splits.
_PARTS = {"train": "train", "val": "val", "test": "test_2016_flickr"}
# A commit instead of a branch, because its content does not change.
_FOLDER = (
    "https://raw.githubusercontent.com/multi30k/dataset/"
    "a3d2e0d26b56f3846f66a952536ffed4e401d05a/data/task1/raw"
)
_SHA256 = {
    "train.de": "726e39b2fa9eb9ffb6dc763fb35a179f80fae06ffc5d28b6ace5faa883de28a6",
    "train.en": "d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f",
    "val.de": "f0cba2f995189cf5770f29a8a9a537a3ad3f51657ad873405082ff6863a5e75a",
    "val.en": "14f7d25ddd868909a9213e361768460edcacdd6ab9d1e77b92560dc10c10dc28",
    "test_2016_flickr.de": "9204244e408ccb38d2a55cfcd344df15005fc42a07a6e55ca6c52b6ababb8cc8",
    "test_2016_flickr.en": "611d361c6334bc7246101d48097c13cf5c4413c5befc793cc629934359d532d9",
}

MULTI30K_FILES = {
    name: Download(
        description=MULTI30K,
        file=f"multi30k/{name}.gz",
        url=f"{_FOLDER}/{name}.gz",
        sha256=sha256,
    )
    for name, sha256 in _SHA256.items()
}


def read_multi30k(languages: tuple[str, str], split: str, cache: Path) -> ParallelText:
    """Read one split of Multi30k from the folder SCRATCHGPT_DATA, from the cache, or by download.

    Parameters
    ----------
    languages : (str, str)
        Source and target language: ``("de", "en")`` or ``("en", "de")``.
    split : {"train", "val", "test"}
        The splits have 29,000, 1,014 and 1,000 pairs; the test split is that of 2016.
    cache : path

    Raises
    ------
    UserError
        If the languages are not available, or a file cannot be downloaded.
    """
    for language in languages:
        if language not in MULTI30K_LANGUAGES:
            raise UserError(
                f"multi30k:{'-'.join(languages)}: there is no file for the language {language!r}; "
                "choose multi30k:de-en or multi30k:en-de"
            )
    files = [f"{_PARTS[split]}.{language}" for language in languages]
    paths = [fetch(f"{name} of multi30k", MULTI30K_FILES[name], cache) for name in files]
    return read_two_files(*paths, languages=languages, has_splits=True)
