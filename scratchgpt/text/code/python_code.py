"""The corpus ``python-code``: documentation and implementation of the functions of this Python.

The pairs are those of "Text and Code Embeddings by Contrastive Pre-Training" (Neelakantan et al.
2022, arXiv:2201.10005): the docstring of a function, and its code without the docstring.
"""

import hashlib
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from scratchgpt.errors import UserError, did_you_mean
from scratchgpt.text.code.code_split import CodeCounts, CodeSplit, Files, split_code
from scratchgpt.text.code.functions import Function
from scratchgpt.text.code.more_pairs import MorePair
from scratchgpt.text.code.sources import library_files, package_files
from scratchgpt.text.pairs.paired_texts import TextPairs

# The named corpora, and whether they include the installed packages.
PYTHON_CODE = {"python-code": True, "python-code:stdlib": False}

_VERSION = 1  # of the selection; a change makes a new text


@dataclass(frozen=True)
class CodeCorpus:
    """Pairs of documentation and code, split by file.

    Attributes
    ----------
    train, validation, test : TextPairs
        The first paragraph of each docstring, and the code without docstring; the groups are files.
    train_names, validation_names, test_names : list of str
        The name of each function, for :func:`mask_name`; "" for other kinds of pairs.
    counts : CodeCounts
        What was read and what was left out.
    """

    train: TextPairs
    validation: TextPairs
    test: TextPairs
    train_names: list[str]
    validation_names: list[str]
    test_names: list[str]
    counts: CodeCounts

    @property
    def fingerprint(self) -> str:
        """A hash of all pairs."""
        parts = [part.fingerprint for part in (self.train, self.validation, self.test)]
        return hashlib.sha256(" ".join(parts).encode()).hexdigest()


def python_code(which: str = "python-code", kinds: Sequence[str] = ()) -> CodeCorpus:
    """Read pairs of documentation and code from this Python installation; nothing is imported.

    The files are ordered by a hash of their path. The first files of the standard library that have
    1,000 pairs together are for the test, and the next with 500 for validation. Pairs with equal
    documentation or equal code are read once. No training pair is from these files, has the
    documentation of a held-out pair, or more than 70 % of its identifiers.

    Parameters
    ----------
    which : {"python-code", "python-code:stdlib"}
        The standard library and the installed packages, or only the standard library.
    kinds : sequence of str
        Keys of MORE_PAIRS: further kinds of training pairs from the same files.

    Raises
    ------
    UserError
        If a name is unknown, or there are too few functions.
    """
    split = _split(which, kinds)
    return CodeCorpus(
        _pairs(split.train, split.more),
        _pairs(split.validation),
        _pairs(split.test),
        [each.name for each in split.train] + [each.name for each in split.more],
        [each.name for each in split.validation],
        [each.name for each in split.test],
        split.counts,
    )


def mask_names(pairs: TextPairs, names: Sequence[str]) -> TextPairs:
    """Replace the name of each function by ``f`` in its code; see :func:`mask_name`."""
    codes = [mask_name(code, name) for code, name in zip(pairs.documents, names, strict=True)]
    return replace(pairs, documents=codes)


def mask_name(code: str, name: str) -> str:
    r"""Replace the name of a function by ``f`` everywhere in its code.

    Examples
    --------
    >>> mask_name("def size(self):\n    return self.resize() or super().size()", "size")
    'def f(self):\n    return self.resize() or super().f()'
    """
    return re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "f", code) if name else code


def write_python_code(path: Path, which: str = "python-code") -> None:
    """Write the source of the functions outside the held-out files, for language models.

    The functions have their docstrings, or have none. Equal functions are written once, and near
    copies of held-out functions are left out, as in :func:`python_code`. The files are in random
    but fixed order.
    """
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        for source in _sources(_split(which)):
            file.write(source + "\n\n\n")


def code_identity(which: str = "python-code") -> str:
    """Return a string that changes with the files of a corpus."""
    files = _files(which)
    stats = [(name, path.stat()) for each in files[:2] for path, name in each]
    return str(
        [_VERSION, sys.version, *((name, stat.st_size, stat.st_mtime_ns) for name, stat in stats)]
    )


def _split(which: str, kinds: Sequence[str] = ()) -> CodeSplit:
    library, packages, n_left_out = _files(which)
    return split_code(library, packages, kinds, files_left_out=n_left_out)


def _files(which: str) -> tuple[Files, Files, int]:
    if which not in PYTHON_CODE:
        raise UserError(f"there is no corpus {which!r}{did_you_mean(which, PYTHON_CODE)}")
    return (library_files(), *(package_files() if PYTHON_CODE[which] else ([], 0)))


def _pairs(functions: Sequence[Function], more: Sequence[MorePair] = ()) -> TextPairs:
    return TextPairs(
        [each.docstring for each in functions] + [each.query for each in more],
        [each.code for each in functions] + [each.document for each in more],
        [each.path for each in functions] + [each.path for each in more],
    )


def _sources(split: CodeSplit) -> Iterator[str]:
    seen: set[str] = set()
    for each in split.others:
        if each.is_nested or each.source in seen:
            continue
        seen.add(each.source)
        if not split.held_out.has_copy(each.docstring, each.code):
            yield each.source
