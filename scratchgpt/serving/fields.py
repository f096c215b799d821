"""The fields of a JSON object in a request, checked when they are read."""

import math
from collections.abc import Collection
from typing import Any

from scratchgpt.errors import UserError
from scratchgpt.serving.api_error import APIError
from scratchgpt.structured import parse_json
from scratchgpt.text.tokenizers.tokenizer import to_utf8

_SHOWN = 40  # characters of a value in a message


class Fields:
    """Reads the fields of an object. A field that is null is the same as one that is missing.

    Fields that are never read are ignored, because clients send fields of newer versions.

    Parameters
    ----------
    values : object
    path : str
        The place of the object in the request, for errors: ``stream_options.``.

    Raises
    ------
    APIError
        If ``values`` is not an object; each method raises it for a value that it does not allow.
    """

    def __init__(self, values: Any, path: str = "") -> None:
        if not isinstance(values, dict):
            name = path.removesuffix(".") or "the request"
            raise APIError(f"{name} is {shown(values)}, not an object", param=path[:-1] or None)
        self._values = values
        self._path = path

    def any(self, name: str) -> Any:
        return self._values.get(name)

    def text(self, name: str) -> str | None:
        """Return a string that UTF-8 can encode."""
        value = self._values.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            raise self.wrong(name, "a string")
        return self._encodable(name, value)

    def flag(self, name: str) -> bool:
        value = self._values.get(name)
        if value is not None and not isinstance(value, bool):
            raise self.wrong(name, "true or false")
        return bool(value)

    def whole(self, name: str, default: Any, *, least: int, most: int) -> Any:
        """Return a whole number from ``least`` to ``most``, or the default."""
        value = self._values.get(name)
        if value is None:
            return default
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        if not is_whole or not least <= value <= most:
            upper = f" to {most:,}" if most < 1 << 62 else " upwards"
            raise self.wrong(name, f"a whole number from {least:,}{upper}")
        return value

    def number(self, name: str, default: float, *, least: float, most: float) -> float:
        value = self._values.get(name)
        if value is None:
            return default
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not math.isfinite(value) or not least <= value <= most:
            raise self.wrong(name, f"a number from {least:g} to {most:g}")
        return float(value)

    def texts(self, name: str) -> list[str] | None:
        """Return a list of strings; one string is a list of one."""
        value = self._values.get(name)
        if value is None:
            return None
        values = [value] if isinstance(value, str) else value
        if not isinstance(values, list) or not all(isinstance(one, str) for one in values):
            raise self.wrong(name, "a string or a list of strings")
        return [self._encodable(name, one) for one in values]

    def refuse(self, name: str, why: str, allowed: Collection[Any] = ()) -> None:
        """Refuse a field that asks for what the server cannot do.

        An empty value, 0 and the values in ``allowed`` ask for nothing.
        """
        value = self._values.get(name)
        if value and value not in list(allowed):
            raise APIError(
                f"{self._path}{name} is not supported: {why}; leave it out",
                param=f"{self._path}{name}",
                code="unsupported_parameter",
            )

    def wrong(self, name: str, expected: str) -> APIError:
        """Create the error for a value that is not ``expected``."""
        place = f"{self._path}{name}"
        value = self._values.get(name)
        return APIError(f"{place} is {shown(value)}, not {expected}; correct it", param=place)

    def _encodable(self, name: str, text: str) -> str:
        place = f"{self._path}{name}"
        try:
            to_utf8(text)
        except UserError as error:
            raise APIError(f"{place}: {error}", param=place) from None
        return text


def shown(value: Any) -> str:
    """Return a JSON value for an error message, shortened."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    text = ascii(value[:_SHOWN] if isinstance(value, str) else value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def parse_body(content: bytes) -> Fields:
    """Parse the body of a request.

    Raises
    ------
    APIError
        If it is not a JSON object in UTF-8, or has a number that is NaN, infinite or an integer of
        more than 64 bits.
    """
    try:
        return Fields(parse_json(content, "the body"))
    except UserError as error:
        raise APIError(f"{error}; send one JSON object", code="invalid_json") from None
