"""Reading of JSON and TOML, from files that may be damaged or written by a stranger."""

import dataclasses
import json
import tomllib
import types
import typing
from pathlib import Path
from typing import Any, TypeVar, Union

from scratchgpt.errors import UserError
from scratchgpt.utf8 import decode_text, not_utf8

Record = TypeVar("Record")

MAX_BYTES = 1 << 26  # of a file; Python's objects take ten times as much
_MAX_INTEGER = (1 << 63) - 1


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises
    ------
    UserError
        If the file cannot be read, is larger than 64 MiB, or is refused by :func:`parse_json`.
    FileNotFoundError
        If there is no such file; the caller knows what the user meant.
    """
    return parse_json(_content(path), str(path))


def parse_json(content: str | bytes, where: str) -> Any:
    """Parse JSON text.

    Parameters
    ----------
    content : str or bytes
    where : str
        The file, and the line if necessary, for error messages.

    Raises
    ------
    UserError
        If the text is not JSON in UTF-8, has two values for one key or a number that is NaN,
        infinite or an integer of more than 64 bits, or is nested too deeply.
    """
    text = _decoded(content, where) if isinstance(content, bytes) else content
    try:
        return json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_number,
            parse_constant=_constant,
        )
    except RecursionError:
        raise UserError(f"{where} is damaged: it is nested too deeply") from None
    except ValueError as error:
        raise UserError(f"{where} is not valid JSON: {error}") from None


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises
    ------
    UserError
        If the file cannot be read, is too large or nested too deeply, is not TOML, or has a number
        that is NaN, infinite or an integer of more than 64 bits.
    FileNotFoundError
        If there is no such file.
    """
    content = _content(path)
    try:
        values = tomllib.loads(_decoded(content, "it"), parse_float=_number)
        _check_integers(values)
        return values
    except RecursionError:
        raise UserError(f"{path} is damaged: it is nested too deeply") from None
    except ValueError as error:
        raise UserError(f"{path} is not a TOML file: {error}") from None


def _decoded(content: bytes, where: str) -> str:
    try:
        return decode_text(content)
    except UnicodeDecodeError as error:
        raise not_utf8(where, f"at offset {error.start}", error) from None


def _check_integers(values: Any) -> None:
    if isinstance(values, int) and not isinstance(values, bool):
        _integer(str(values))
    elif isinstance(values, list | dict):
        for inner in values.values() if isinstance(values, dict) else values:
            _check_integers(inner)


def _content(path: Path) -> bytes:
    try:
        with open(path, "rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    if len(content) > MAX_BYTES:
        raise UserError(f"{path} is larger than {MAX_BYTES >> 20} MiB; is it the right file?")
    return content


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"it has the key {twice!r} twice")
    return values


def _integer(text: str) -> int:
    if len(text) > 20 or not -_MAX_INTEGER <= int(text) <= _MAX_INTEGER:
        raise ValueError(f"the integer {text[:20]}{'...' * (len(text) > 20)} has more than 64 bits")
    return int(text)


def _number(text: str) -> float:
    number = float(text)
    if number - number != 0:
        raise ValueError(f"the number {text[:20]} is NaN or infinite")
    return number


def _constant(text: str) -> float:
    raise ValueError(f"{text} is not a JSON number")


def to_record(kind: type[Record], values: Any, where: str) -> Record:
    """Convert the content of a JSON file to a dataclass, after a check of every type.

    Parameters
    ----------
    kind : dataclass
        Its fields have types made of int, float, str, bool, None, Any, list[...], dict[str, ...]
        and unions of them. An integer is accepted for a float.
    values : object
        The result of :func:`parse_json`.
    where : str
        The file, for error messages.

    Raises
    ------
    UserError
        If ``values`` is not an object with exactly the fields of ``kind``. Fields with a default
        may be absent.
    """
    if not isinstance(values, dict):
        raise UserError(f"{where} is damaged: it is not a JSON object")
    hints = typing.get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for name in values:
        if name not in fields:
            raise UserError(f"{where} is damaged: it has an unknown field {name!r}")
    for name, field in fields.items():
        if name in values:
            check_type(values[name], hints[name], name, where)
        elif field.default is field.default_factory is dataclasses.MISSING:
            raise UserError(f"{where} is damaged: the field {name!r} is missing")
    return kind(**values)


def check_type(value: Any, expected: Any, name: str, where: str) -> None:
    """Raise UserError unless a JSON value has the expected type; see :func:`to_record`."""
    if not _fits(value, expected):
        shown = repr(value)
        shown = shown if len(shown) <= 40 else f"{shown[:40]}..."
        raise UserError(f"{where} is damaged: {name} is {shown}, not {_name(expected)}")


def _fits(value: Any, expected: Any) -> bool:
    if expected is Any:
        return True
    if expected is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if expected is int:
        return isinstance(value, int) and not isinstance(value, bool)
    origin, inner = typing.get_origin(expected), typing.get_args(expected)
    if origin in (Union, types.UnionType):
        return any(_fits(value, one) for one in inner)
    if origin is list:
        return isinstance(value, list) and all(_fits(item, inner[0]) for item in value)
    if origin is dict:
        return isinstance(value, dict) and all(_fits(item, inner[1]) for item in value.values())
    return isinstance(value, expected)


def _name(expected: Any) -> str:
    """Return the name of a type in the words of JSON."""
    origin, inner = typing.get_origin(expected), typing.get_args(expected)
    if origin in (Union, types.UnionType):
        return " or ".join(_name(one) for one in inner)
    if origin is list:
        return f"a list whose items are each {_name(inner[0])}"
    if origin is dict:
        return f"an object whose values are each {_name(inner[1])}"
    names = {int: "an integer", float: "a number", str: "a string", bool: "true or false"}
    return names.get(expected, "null" if expected is type(None) else str(expected))
