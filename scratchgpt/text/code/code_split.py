"""Selection and split of the functions of a corpus of code: by file, without copies."""

import contextlib
import gc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from scratchgpt.errors import UserError, counted
from scratchgpt.text.code.functions import Function, functions_of, read_modules
from scratchgpt.text.code.more_pairs import MorePair, more_pairs
from scratchgpt.text.code.near_copies import NearCopies
from scratchgpt.text.code.sources import path_rank

N_TEST = 1000
N_VALIDATION = 500
MIN_WORDS = 3  # of the first paragraph of a docstring
MIN_LINES = 3  # of code, without empty lines

Files = Sequence[tuple[Path, str]]


@dataclass
class CodeCounts:
    """How many files, functions and pairs were read, and how many were left out and why."""

    files: int = 0
    files_left_out: int = 0
    files_unreadable: int = 0
    functions: int = 0
    without_docstring: int = 0
    short_docstring: int = 0
    short_code: int = 0
    equal_docstring: int = 0
    equal_code: int = 0
    surplus: int = 0
    near_copies: int = 0
    more_equal: int = 0
    more_near_copies: int = 0

    def __str__(self) -> str:
        return (
            f"{counted(self.functions, 'function')} in {counted(self.files, 'file')} "
            f"({self.files_left_out:,} more left out for their size, {self.files_unreadable:,} "
            f"unreadable); not used: {self.without_docstring:,} without docstring, "
            f"{self.short_docstring:,} with a docstring of less than {counted(MIN_WORDS, 'word')}, "
            f"{self.short_code:,} with less than {counted(MIN_LINES, 'line')} of code, "
            f"{self.equal_docstring:,} with the docstring of another, {self.equal_code:,} with the "
            f"code of another, {self.surplus:,} of held-out files but more than wanted, "
            f"{self.near_copies:,} near copies of held-out functions; of the other kinds of pairs: "
            f"{self.more_equal:,} equal to another, {self.more_near_copies:,} near copies"
        )


@dataclass(frozen=True)
class CodeSplit:
    """The functions of a corpus, split by file.

    Attributes
    ----------
    train, validation, test : list of Function
        Documented functions that make pairs.
    more : list of MorePair
        Other kinds of training pairs.
    others : list of Function
        All functions outside the held-out files, with or without a docstring, in random order.
    held_out : HeldOut
        The functions of ``validation`` and ``test``.
    counts : CodeCounts
    """

    train: list[Function]
    validation: list[Function]
    test: list[Function]
    more: list[MorePair]
    others: list[Function]
    held_out: "HeldOut"
    counts: CodeCounts


class HeldOut:
    """The functions that must not be trained on, nor copies of them."""

    def __init__(self, functions: Sequence[Function]) -> None:
        self.docstrings = {same_text(each.docstring) for each in functions}
        self._codes = NearCopies([each.code for each in functions])

    def has_copy(self, docstring: str, code: str) -> bool:
        """Whether there is a function with this docstring, or with almost these identifiers."""
        return same_text(docstring) in self.docstrings or self._codes.find(code) is not None


def split_code(
    library: Files,
    packages: Files,
    kinds: Sequence[str] = (),
    *,
    files_left_out: int = 0,
    n_test: int = N_TEST,
    n_validation: int = N_VALIDATION,
) -> CodeSplit:
    """Read the functions of files, and split them; see :func:`python_code`.

    Raises
    ------
    UserError
        If the library has too few documented functions.
    """
    counts = CodeCounts(files=len(library) + len(packages), files_left_out=files_left_out)
    functions: list[Function] = []
    more: list[MorePair] = []
    # The library comes first, so that the held-out pairs do not depend on the packages.
    files = [*_in_random_order(library), *_in_random_order(packages)]
    with _garbage_collection_paused():  # syntax trees have no cycles, and it takes 20 % of the time
        for module in read_modules(files):
            if module is None:
                counts.files_unreadable += 1
            else:
                found = functions_of(module)
                functions += found
                more += more_pairs(module, found, kinds)
    pairs = _select(functions, counts)
    in_library = {path for _, path in library}
    library_pairs = [each for each in pairs if each.path in in_library]
    test = _first_files(library_pairs, n_test)
    validation = _first_files(library_pairs[len(test) :], n_validation)
    others = pairs[len(test) + len(validation) :]
    if not test or not validation or not others:
        raise UserError(
            f"the standard library has {counted(len(library_pairs), 'documented function')} in "
            f"{counted(len(library), 'file')}, too few to hold some out; use a Python that has the "
            "source of its library"
        )
    paths = {each.path for each in test + validation}
    counts.surplus = len(test[n_test:]) + len(validation[n_validation:])
    test, validation = test[:n_test], validation[:n_validation]
    held_out = HeldOut(test + validation)
    train = [each for each in others if not held_out.has_copy(each.docstring, each.code)]
    counts.near_copies = len(others) - len(train)
    free = [each for each in functions if each.path not in paths]
    return CodeSplit(
        train,
        validation,
        test,
        _select_more([each for each in more if each.path not in paths], held_out, counts),
        sorted(free, key=lambda each: path_rank(each.path)),
        held_out,
        counts,
    )


@contextlib.contextmanager
def _garbage_collection_paused() -> Iterator[None]:
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def same_text(text: str) -> str:
    """Return a text without the differences in spaces and case."""
    return " ".join(text.split()).casefold()


def _in_random_order(files: Files) -> list[tuple[Path, str]]:
    return sorted(files, key=lambda file: path_rank(file[1]))


def _select(functions: Sequence[Function], counts: CodeCounts) -> list[Function]:
    """Return the functions that make pairs, the first of those that are equal."""
    counts.functions = len(functions)
    selected = []
    docstrings: set[str] = set()
    codes: set[str] = set()
    for each in functions:
        docstring, code = same_text(each.docstring), same_text(each.code)
        if not docstring:
            counts.without_docstring += 1
        elif len(docstring.split()) < MIN_WORDS:
            counts.short_docstring += 1
        elif sum(map(bool, each.code.split("\n"))) < MIN_LINES:
            counts.short_code += 1
        elif docstring in docstrings:
            counts.equal_docstring += 1
        elif code in codes:
            counts.equal_code += 1
        else:
            docstrings.add(docstring)
            codes.add(code)
            selected.append(each)
    return selected


def _first_files(functions: Sequence[Function], n_wanted: int) -> list[Function]:
    """Return the functions of the first files that have ``n_wanted`` together."""
    n = min(n_wanted, len(functions))
    while 0 < n < len(functions) and functions[n].path == functions[n - 1].path:
        n += 1
    return list(functions[:n])


def _select_more(
    pairs: Sequence[MorePair], held_out: HeldOut, counts: CodeCounts
) -> list[MorePair]:
    """Return the other pairs without equal ones and without copies of held-out functions."""
    selected = {}
    for each in pairs:
        key = (same_text(each.query), same_text(each.document))
        if key in selected:
            counts.more_equal += 1
        elif held_out.has_copy(each.query, each.document) or key[1] in held_out.docstrings:
            counts.more_near_copies += 1
        else:
            selected[key] = each
    return list(selected.values())
