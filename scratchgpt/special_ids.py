"""The tokens that begin and end a text, as the files in the folder of a model name them.

Four files may name them, in this order of precedence: ``generation_config.json`` and
``config.json`` give ids; ``tokenizer_config.json`` and ``special_tokens_map.json`` give names. An
id outside the vocabulary is ignored, because the model never generates it.
"""

import json
import warnings
from collections import ChainMap
from collections.abc import Iterator, Mapping, Sequence
from numbers import Integral
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from scratchgpt.backend import Array
from scratchgpt.errors import UserError
from scratchgpt.files import write_text
from scratchgpt.structured import check_type, read_json

ID_FILES = ("generation_config.json", "config.json")
NAMES_FILE = "tokenizer_config.json"
CHAT_FORMAT = "scratchgpt_chat_format"  # the field of NAMES_FILE that names a chat format
NAME_FILES = (NAMES_FILE, "special_tokens_map.json")

Ids = int | Sequence[int] | Array | None


class SpecialIds(NamedTuple):
    """The tokens that begin and end a text.

    Attributes
    ----------
    bos : int or None
        The token that begins a text.
    eos : int, tuple of int, or None
        The tokens that end a text. Generation stops at any of them.
    named : int or None
        The token that the tokenizer's files name as the end of a text.
    """

    bos: int | None = None
    eos: int | tuple[int, ...] | None = None
    named: int | None = None

    @property
    def ends(self) -> tuple[int, ...]:
        """All tokens that end a text."""
        return all_ids(self.eos)

    @property
    def document_end(self) -> int | None:
        """The token that ends a document in a corpus."""
        return self.named if self.named in self.ends else next(iter(self.ends), None)

    def with_end(self, end_of_text: Ids) -> "SpecialIds":
        """Return the ids with another end, which also begins a text if no token is known."""
        ends = all_ids(end_of_text)
        eos = ends[0] if isinstance(end_of_text, Integral) else ends or None
        begins = self.bos if self.bos is not None or self.ends else next(iter(ends), None)
        return SpecialIds(begins, eos)

    def to_json(self) -> dict[str, Any]:
        """Return the fields of ``config.json``."""
        eos = list(self.eos) if isinstance(self.eos, tuple) else self.eos
        return {"bos_token_id": self.bos, "eos_token_id": eos}


def all_ids(ids: Ids) -> tuple[int, ...]:
    """Return one id, several ids or None as a tuple of Python integers.

    Raises
    ------
    UserError
        If a value is not a token id.
    """
    ids = ids.tolist() if isinstance(ids, np.ndarray) else ids
    values = () if ids is None else ids if isinstance(ids, list | tuple) else (ids,)
    for value in values:
        if isinstance(value, bool) or not isinstance(value, Integral) or value < 0:
            raise UserError(f"{ids!r} is not a token id or a list of token ids")
    return tuple(int(value) for value in values)


def read_special_ids(directory: Path, n_tokens: int) -> SpecialIds:
    """Read the special ids in a folder that are below ``n_tokens``; warn if its files differ.

    Raises
    ------
    UserError
        If a file cannot be read, or a value is not a token id.
    """
    contents = {name: _read(directory / name) for name in (*ID_FILES, *NAME_FILES)}
    bos = _said("bos", directory, contents, n_tokens)
    eos = _said("eos", directory, contents, n_tokens)
    named = next((ids[0] for file, ids in eos.items() if file in NAME_FILES), None)
    begin, end = next(iter(bos.values()), ()), next(iter(eos.values()), ())
    is_list = isinstance(contents[next(iter(eos), ID_FILES[0])].get("eos_token_id"), list)
    return SpecialIds(
        bos=begin[0] if begin else None,
        eos=end if is_list else end[0] if end else None,
        named=named,
    )


def _said(
    kind: str, directory: Path, contents: dict[str, dict[str, Any]], n_tokens: int
) -> dict[str, tuple[int, ...]]:
    """Return the ids of ``kind`` (bos or eos) in each file that has them."""
    said = {}
    for file, content in contents.items():
        if file in ID_FILES:
            try:
                ids = all_ids(content.get(f"{kind}_token_id"))
            except UserError as error:
                raise UserError(f"{directory / file}: {kind}_token_id={error}") from None
        else:
            ids = _ids_of_name(directory, content.get(f"{kind}_token"))
        ids = tuple(i for i in ids if i < n_tokens)
        if ids:
            said[file] = ids
    used = next(iter(said.values()), ())
    if any(not set(ids) <= set(used) for ids in said.values()):
        listed = ", ".join(f"{', '.join(map(str, ids))} in {file}" for file, ids in said.items())
        # The same line of code for all callers, so that Python shows the same text only once.
        warnings.warn(f"{directory}: {kind}_token_id is {listed}; the first is used", stacklevel=1)
    return said


def _ids_of_name(directory: Path, name: Any) -> tuple[int, ...]:
    """Return the id of the token with a name, if the tokenizer of the folder has it."""
    name = name.get("content") if isinstance(name, dict) else name
    if not isinstance(name, str):
        return ()
    tokenizer = _read(directory / "tokenizer.json")
    if not tokenizer:
        files = ("encoder.json", "vocab.json", "added_tokens.json")
        tokenizer = {"model": {"vocab": ChainMap(*(_read(directory / file) for file in files))}}
    return next(((token,) for token, its in _token_names(tokenizer) if its == name), ())


def token_name(tokenizer: dict[str, Any], token: int) -> str | None:
    """Return the name of a token in the content of a ``tokenizer.json``."""
    return next((name for its, name in _token_names(tokenizer) if its == token), None)


def _token_names(tokenizer: dict[str, Any]) -> Iterator[tuple[int, str]]:
    """Yield id and name of each token in the content of a ``tokenizer.json``."""
    try:
        for entry in tokenizer.get("added_tokens") or ():
            if type(entry["id"]) is int:
                yield entry["id"], entry["content"]
        for name, token in tokenizer["model"]["vocab"].items():
            if type(token) is int:
                yield token, name
    except (AttributeError, KeyError, TypeError):
        return  # a tokenizer that scratchgpt cannot read


def write_names(directory: Path, names: Mapping[str, str | None]) -> None:
    """Write names, such as that of the end of a text, to the ``tokenizer_config.json``.

    A name that is None is removed from the file.
    """
    before = _read(directory / NAMES_FILE)
    content = {k: v for k, v in {**before, **names}.items() if k not in names or v is not None}
    if content != before:
        write_text(directory / NAMES_FILE, json.dumps(content, indent=2) + "\n")


def read_chat_names(directory: Path) -> tuple[str | None, str | None]:
    """Return the chat format that a folder names, and the kind of its model.

    Raises
    ------
    UserError
        If a file cannot be read, or a name is not a string.
    """
    found = []
    for file, field in ((NAMES_FILE, CHAT_FORMAT), ("config.json", "model_type")):
        name = _read(directory / file).get(field)
        if name is not None and not isinstance(name, str):
            raise UserError(f"{directory / file}: {field}={name!r} is not a string")
        found.append(name)
    return found[0], found[1]


def _read(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file; empty if there is no such file."""
    content = read_json(path, any_number=True) if path.is_file() else {}
    check_type(content, dict[str, Any], "it", str(path))
    return content
