"""Loading of parallel text: sentences and their translations, from files or by name."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from scratchgpt.errors import UserError, did_you_mean
from scratchgpt.text.cache import cache_directory
from scratchgpt.text.pairs.dates import DatesTask
from scratchgpt.text.pairs.multi30k import MULTI30K, read_multi30k
from scratchgpt.text.pairs.pair_files import read_jsonl, read_tsv, read_two_files
from scratchgpt.text.pairs.parallel_text import ParallelText, check_split

# Descriptions of the named parallel texts.
NAMED_PAIRS = {
    "dates": "dates in many human formats, and as ISO 8601; generated, needs no network",
    "multi30k": MULTI30K,
}

_FORMS = f"two aligned files, one .tsv or .jsonl file, or {', '.join(NAMED_PAIRS)}"


def read_pairs(words: Sequence[str], split: str = "train") -> ParallelText:
    """Read the parallel text that command-line words name.

    Parameters
    ----------
    words : sequence of str
        One of: two files, where each line of the second translates the same line of the first; one
        ``.tsv`` file with two columns; one ``.jsonl`` file of objects with ``source`` and
        ``target``, or with ``translation``, an object with a sentence for each language; or a key
        of NAMED_PAIRS, such as ``multi30k`` (German to English). Files can be gzipped. The suffix
        ``:en-de`` after a name, or after a ``.jsonl`` file whose fields are languages, selects
        source and target language.
    split : {"train", "val", "test"}
        The split of a named text. A text in files has no splits and is read as a whole.

    Raises
    ------
    UserError
        If the words name no parallel text, the numbers of lines differ, a sentence is empty, or a
        file has an invalid format. The message names the line.
    """
    check_split(split)
    if len(words) == 2:
        return read_two_files(*map(_existing, words))
    if len(words) != 1:
        raise UserError(f"a parallel text is {_FORMS}; got {len(words)} words")
    word, languages = _word_and_languages(words[0])
    if word in NAMED_PAIRS and not os.path.exists(word):
        return _named(word, languages, split)
    path = _existing(word)
    if word.endswith((".jsonl", ".jsonl.gz")):
        return read_jsonl(path, languages)
    if word.endswith((".tsv", ".tsv.gz")):
        return read_tsv(path)
    raise UserError(f"{word} is one file but neither .tsv nor .jsonl; a parallel text is {_FORMS}")


def has_splits(word: str) -> bool:
    """Whether a word names a text with parts for training, validation and test."""
    return _word_and_languages(word)[0] in NAMED_PAIRS and not os.path.exists(word)


def training_pairs(
    words: Sequence[str], val_fraction: float = 0.1
) -> tuple[ParallelText, ParallelText]:
    """Read the training pairs and the validation pairs.

    A named text has a validation split. From a text in files, a fraction of the pairs is held out
    for validation, chosen by a hash of the source. The choice is deterministic, and no source is in
    both parts.

    Parameters
    ----------
    words : sequence of str
        See :func:`read_pairs`.
    val_fraction : float
        The fraction of a text in files that is held out.

    Raises
    ------
    UserError
        If the text does not exist, or is too small to hold out a pair.
    """
    if not 0 < val_fraction < 1:
        raise UserError(f"val_fraction={val_fraction} must be between 0 and 1")
    text = read_pairs(words)
    if text.has_splits:
        return text, read_pairs(words, "val")
    keys = [hashlib.sha256(source.encode()).digest() for source in text.source]
    ranked = sorted(set(keys))
    if len(ranked) < 2:
        raise UserError(
            f"{text.source_name} has only one source sentence, too few to hold one out for "
            "validation; give more pairs"
        )
    n_val = min(max(round(val_fraction * len(ranked)), 1), len(ranked) - 1)
    last = ranked[n_val - 1]
    is_val = [key <= last for key in keys]
    return (
        text.take([i for i, held_out in enumerate(is_val) if not held_out]),
        text.take([i for i, held_out in enumerate(is_val) if held_out]),
    )


def _named(name: str, languages: tuple[str, str] | None, split: str) -> ParallelText:
    if name == "multi30k":
        return read_multi30k(languages or ("de", "en"), split, cache_directory())
    if languages is not None:
        raise UserError(f"{name} has no choice of languages; write {name} without a suffix")
    return DatesTask().pairs(split)


def _word_and_languages(word: str) -> tuple[str, tuple[str, str] | None]:
    """Split ``multi30k:de-en`` into ``multi30k`` and (de, en), unless a file has that name."""
    name, colon, pair = word.rpartition(":")
    has_languages = name in NAMED_PAIRS or name.endswith((".jsonl", ".jsonl.gz"))
    if not colon or not has_languages or os.path.exists(word):
        return word, None
    languages = pair.split("-")
    if len(languages) != 2 or not all(languages) or languages[0] == languages[1]:
        raise UserError(f"{word!r}: the suffix must be two languages, as in {name}:de-en")
    return name, (languages[0], languages[1])


def _existing(word: str) -> Path:
    if os.path.exists(word):
        return Path(word)
    name = word.split(":")[0]
    if name in NAMED_PAIRS:
        raise UserError(f"{word} is a complete parallel text; leave out the other word")
    hint = did_you_mean(name, NAMED_PAIRS) or f"; a parallel text is {_FORMS}"
    raise UserError(f"there is no file {word!r}{hint}")
