"""Sources of text pairs for contrastive training: files and the code of this Python."""

import os
from collections.abc import Sequence
from pathlib import Path

from scratchgpt.errors import UserError, counted, did_you_mean
from scratchgpt.text.code.python_code import PYTHON_CODE, python_code
from scratchgpt.text.code.sources import path_rank
from scratchgpt.text.pairs.paired_texts import TextPairs
from scratchgpt.text.pairs.text_pair_files import (
    read_pairs_jsonl,
    read_pairs_of_lines,
    read_pairs_of_paragraphs,
    read_pairs_tsv,
)

__all__ = ["TextPairs", "read_text_pairs", "split_text_pairs", "training_text_pairs"]

_FORMS = (
    "one .tsv or .jsonl file, two aligned files, one text or folder (neighboring paragraphs), or "
    + ", ".join(PYTHON_CODE)
)


def read_text_pairs(words: Sequence[str]) -> TextPairs:
    """Read the text pairs that command-line words name.

    Parameters
    ----------
    words : sequence of str
        One of:

        - a ``.tsv`` file: a query, its document, and any number of negatives in each line;
        - a ``.jsonl`` file of objects with ``query`` and ``document``, ``anchor`` and ``positive``,
          ``title`` and ``body``, or ``question`` and ``answer``; they may have ``negative``, a
          text, or ``negatives``, a list of texts;
        - two files, where each line of the second answers the same line of the first;
        - one other text file, or a folder with texts: neighboring paragraphs, and titles with the
          paragraph below them;
        - ``python-code`` or ``python-code:stdlib``: the training pairs of :func:`python_code`.

        Files can be gzipped, except texts that are read as paragraphs.

    Raises
    ------
    UserError
        If the words name no pairs, there are fewer than two pairs, or a file has an invalid
        format. The message names the line.

    Warns
    -----
    UserWarning
        About pairs that are left out because a side is empty or they are equal to another.
    """
    if len(words) == 2:
        return read_pairs_of_lines(*map(_existing, words))
    if len(words) != 1:
        raise UserError(f"text pairs are {_FORMS}; got {counted(len(words), 'word')}")
    [word] = words
    if _is_corpus(word):
        return python_code(word).train
    path = _existing(word)
    if word.endswith((".tsv", ".tsv.gz")):
        return read_pairs_tsv(path)
    if word.endswith((".jsonl", ".jsonl.gz")):
        return read_pairs_jsonl(path)
    return read_pairs_of_paragraphs(word)


def training_text_pairs(
    words: Sequence[str], val_fraction: float = 0.1
) -> tuple[TextPairs, TextPairs]:
    """Read the training pairs and the validation pairs.

    ``python-code`` has validation pairs of its own. For other pairs, see :func:`split_text_pairs`.

    Raises
    ------
    UserError
        See :func:`read_text_pairs` and :func:`split_text_pairs`.
    """
    if len(words) == 1 and _is_corpus(words[0]):
        corpus = python_code(words[0])
        return corpus.train, corpus.validation
    return split_text_pairs(read_text_pairs(words), val_fraction)


def split_text_pairs(pairs: TextPairs, val_fraction: float = 0.1) -> tuple[TextPairs, TextPairs]:
    """Hold out a fraction of the pairs for validation.

    Whole groups are held out, or all pairs with the same query if there are no groups. They are
    chosen by a hash, so that the choice is random but fixed. Of a single group, such as one file,
    the end is held out, and the pair before it is left out, because neighboring pairs share a text.

    Returns
    -------
    (train, val) : tuple of TextPairs
        Both have at least one group.

    Raises
    ------
    UserError
        If ``val_fraction`` is not between 0 and 1, or there are fewer than two groups.
    """
    if not 0 < val_fraction < 1:
        raise UserError(f"val_fraction={val_fraction} must be between 0 and 1")
    keys = pairs.queries if pairs.groups is None else pairs.groups
    n_groups = len(set(keys))
    if n_groups < 2 and pairs.groups is not None and len(pairs) > 2:
        n_val = min(max(1, round(val_fraction * len(pairs))), len(pairs) - 2)
        first = len(pairs) - n_val
        return pairs.take(range(first - 1)), pairs.take(range(first, len(pairs)))
    if n_groups < 2:
        raise UserError(
            "all pairs have the same query or file, so that none can be held out for validation; "
            "add others"
        )
    train, val = split_groups(keys, val_fraction)
    return pairs.take(train), pairs.take(val)


def split_groups(keys: Sequence[str], val_fraction: float) -> tuple[list[int], list[int]]:
    """Hold out a fraction of the rows for validation; rows with equal keys stay together.

    The groups are chosen by a hash of their key. Both parts have at least one, if there are two.

    Returns
    -------
    train, val : lists of int
        The indices of the rows of both parts, in order.
    """
    members: dict[str, list[int]] = {}
    for i, key in enumerate(keys):
        members.setdefault(key, []).append(i)
    held_out: list[int] = []
    for key in sorted(members, key=path_rank)[:-1]:
        held_out += members[key]
        if len(held_out) >= val_fraction * len(keys):
            break
    is_val = set(held_out)
    return [i for i in range(len(keys)) if i not in is_val], sorted(held_out)


def _is_corpus(word: str) -> bool:
    return word in PYTHON_CODE and not os.path.exists(word)


def _existing(word: str) -> Path:
    if os.path.exists(word):
        return Path(word)
    if word in PYTHON_CODE:
        raise UserError(f"{word} is a complete set of pairs; leave out the other word")
    hint = did_you_mean(word, PYTHON_CODE) or f"; text pairs are {_FORMS}"
    raise UserError(f"there is no file {word!r}{hint}")
