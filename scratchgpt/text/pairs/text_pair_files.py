"""Readers for files of text pairs: TSV, JSONL, two aligned files, and neighboring paragraphs."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from scratchgpt.errors import UserError, counted
from scratchgpt.text.cache import cache_directory
from scratchgpt.text.corpora.corpora import find_documents
from scratchgpt.text.pairs.pair_files import aligned_lines, check_text, parse_line, read_lines
from scratchgpt.text.pairs.paired_texts import TextPairs
from scratchgpt.text.pairs.paragraphs import neighbor_pairs

# The names of the two fields in JSONL. The names of the last field, for negatives, are below.
FIELDS = (("query", "document"), ("anchor", "positive"), ("title", "body"), ("question", "answer"))
NEGATIVES = ("negative", "negatives")

# The files of a folder whose paragraphs are read.
PROSE = (".md", ".markdown", ".rst", ".txt")


class Row(NamedTuple):
    """A pair, with its negatives and its file."""

    query: str
    document: str
    negatives: list[str]
    group: str | None = None


def read_pairs_tsv(path: Path) -> TextPairs:
    """Read a TSV file: a query, its document, and any number of negatives in each line."""
    rows = []
    for number, line in enumerate(read_lines(path), start=1):
        columns = line.split("\t")
        if len(columns) < 2:
            raise UserError(
                f"line {number:,} of {path} has {counted(len(columns), 'column')}, not 2 or more; "
                "each line must be a query, a tab and its document, and may have negatives after "
                "further tabs"
            )
        rows.append(Row(columns[0], columns[1], columns[2:]))
    return clean_pairs(rows, str(path))


def read_pairs_jsonl(path: Path) -> TextPairs:
    """Read a JSONL file of objects with one pair of FIELDS, and maybe one of NEGATIVES."""
    rows: list[Row] = []
    names: tuple[str, str] | None = None
    for number, line in enumerate(read_lines(path), start=1):
        where = f"line {number:,} of {path}"
        fields = parse_line(line, where)
        if not isinstance(fields, dict):
            raise UserError(f"{where} is not an object with {_choices()}; correct the line")
        names = _names(fields, where) if names is None else names
        query, document = (_text(fields, name, where) for name in names)
        rows.append(Row(query, document, _negatives(fields, where)))
    return clean_pairs(rows, str(path))


def read_pairs_of_lines(queries: Path, documents: Path) -> TextPairs:
    """Read two files, where each line of the second answers the same line of the first."""
    rows = [Row(*pair, []) for pair in zip(*aligned_lines(queries, documents), strict=True)]
    return clean_pairs(rows, f"{queries} and {documents}")


def read_pairs_of_paragraphs(word: str) -> TextPairs:
    """Read the neighboring paragraphs of a text, or of all files in a folder whose name is PROSE.

    See :func:`neighbor_pairs`. The groups are the files.
    """
    documents = find_documents([word], cache_directory())
    if Path(word).is_dir():
        prose = [each for each in documents if each.path.suffix.lower() in PROSE]
        if n_other := len(documents) - len(prose):
            warnings.warn(
                f"{word}: leaving out {counted(n_other, 'file')} whose name does not end with "
                f"{', '.join(PROSE)}",
                stacklevel=2,
            )
        documents = prose
    rows = [
        Row(*pair, [], str(each))
        for each in documents
        for pair in neighbor_pairs("".join(each.blocks()).replace("\r\n", "\n"))
    ]
    return clean_pairs(rows, f"{word} (as neighboring paragraphs)")


def clean_pairs(rows: Sequence[Row], name: str) -> TextPairs:
    """Leave out pairs with an empty side and pairs that are equal to another; warn about both.

    Raises
    ------
    UserError
        If fewer than two pairs are left.
    """
    filled = [row for row in rows if row.query.strip() and row.document.strip()]
    first: dict[tuple[str, str], Row] = {}
    for row in filled:
        first.setdefault((row.query, row.document), row)
    distinct = list(first.values())
    negatives = [[text for text in row.negatives if text.strip()] for row in distinct]
    n_negatives = sum(map(len, negatives))
    left_out = {
        "with an empty side": len(rows) - len(filled),
        "equal to another": len(filled) - len(distinct),
    }
    told = [f"{counted(n, 'pair')} {why}" for why, n in left_out.items() if n]
    if n_empty := sum(len(row.negatives) for row in distinct) - n_negatives:
        told.append(counted(n_empty, "empty negative"))
    if told:
        warnings.warn(f"{name}: leaving out {' and '.join(told)}", stacklevel=2)
    if len(distinct) < 2:
        raise UserError(
            f"{name} has {counted(len(distinct), 'pair')}, but the other pairs are the negatives "
            "of each, so that at least 2 are necessary; add some"
        )
    return TextPairs(
        [row.query for row in distinct],
        [row.document for row in distinct],
        None if distinct[0].group is None else [str(row.group) for row in distinct],
        negatives if n_negatives else None,
    )


def _names(fields: dict[str, Any], where: str) -> tuple[str, str]:
    """Return the names of the two sides, which the first line of a file decides."""
    found = [names for names in FIELDS if set(names) <= set(fields)]
    if len(found) == 1:
        return found[0]
    if found:
        both = " and ".join(f"{one}/{other}" for one, other in found)
        raise UserError(f"{where} has both {both}; leave the fields of one pair")
    has = ", ".join(map(repr, fields)) or "none"
    raise UserError(f"{where} has none of the pairs of fields {_choices()}; its fields are {has}")


def _negatives(fields: dict[str, Any], where: str) -> list[str]:
    present = [name for name in NEGATIVES if name in fields]
    if len(present) > 1:
        raise UserError(f"{where} has both {' and '.join(present)}; leave one of them")
    if not present:
        return []
    value = fields[present[0]]
    texts = value if isinstance(value, list) else [value]
    if not all(isinstance(text, str) for text in texts):
        raise UserError(f"{where}: {present[0]} is neither a text nor a list of texts; correct it")
    for text in texts:
        check_text(text, where)
    return texts


def _text(fields: dict[str, Any], name: str, where: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        what = f"no text in field {name!r}" if name in fields else f"no field {name!r}"
        has = ", ".join(map(repr, fields)) or "none"
        raise UserError(f"{where} has {what}; its fields are {has}")
    check_text(value, where)
    return value


def _choices() -> str:
    return ", ".join(f"{one}/{other}" for one, other in FIELDS)
