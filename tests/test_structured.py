import contextlib
import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchgpt import structured
from scratchgpt.errors import UserError
from scratchgpt.structured import parse_json, read_json, read_toml, to_record

SCALARS = st.none() | st.booleans() | st.integers(-(1 << 62), 1 << 62) | st.text()
SCALARS |= st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(SCALARS, lambda v: st.lists(v) | st.dictionaries(st.text(), v), max_leaves=10)


@dataclass
class Example:
    """A record with a field of each type."""

    number: float
    count: int
    name: str | None
    lengths: list[int]
    entries: list[dict[str, str]]
    anything: dict[str, Any] = field(default_factory=dict)
    version: int = 1


WHOLE = {"number": 1, "count": 2, "name": None, "lengths": [1, 2], "entries": [{"a": "b"}]}


@given(VALUES)
def test_every_json_value_is_read_as_it_was_written(values):
    assert parse_json(json.dumps(values), "x") == values
    assert parse_json(json.dumps(values).encode(), "x") == values


@given(st.binary(max_size=60) | st.text(alphabet='{}[]",:0123456789eE+-.tfn\\ ', max_size=60))
def test_any_content_is_read_or_refused(content):
    with contextlib.suppress(UserError):
        parse_json(content, "file")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[" * 100_000, "x is damaged: it is nested too deeply"),
        ('{"a":' * 100_000, "x is damaged: it is nested too deeply"),
        ("NaN", "NaN is not a JSON number"),
        ('{"a": -Infinity}', "-Infinity is not a JSON number"),
        ("1e999", "1e999 is NaN or infinite"),
        ("9" * 30, "the integer 99999999999999999999... has more than 64 bits"),
        ("9" * 5000, "has more than 64 bits"),
        (str(1 << 63), "has more than 64 bits"),
        ('{"a": 1, "b": 2, "a": 3}', "it has the key 'a' twice"),
        (b"\xff\xfe{", "x is not UTF-8: byte 0xff at offset 0 (it is UTF-16)"),
        ("", "x is not valid JSON: Expecting value"),
    ],
)
def test_what_json_does_not_allow_is_refused_in_one_line(content, message):
    with pytest.raises(UserError) as refused:
        parse_json(content, "x")
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_files(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    with pytest.raises(FileNotFoundError):
        read_json(path)
    with pytest.raises(UserError, match="cannot read"):
        read_json(tmp_path)
    path.write_bytes(b"\xef\xbb\xbf[1]")  # with a byte-order mark
    assert read_json(path) == [1]
    monkeypatch.setattr(structured, "MAX_BYTES", 2)
    with pytest.raises(UserError, match="larger than"):
        read_json(path)


@pytest.mark.parametrize(
    "content",
    [
        "a = " + "[" * 50_000,
        f"a = [{{b = {2**63}}}]",
        f"a = -{'9' * 5000}",
        "a = nan",
        "a = 1e999",
        "a = inf",
        "a",
        "a = 1\na = 2",
        "\xff",
    ],
)
def test_toml_that_is_refused(tmp_path, content):
    path = tmp_path / "a.toml"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(UserError, match=r"a\.toml is (not a TOML file|damaged)"):
        read_toml(path)


def test_toml_is_read(tmp_path):
    path = tmp_path / "a.toml"
    path.write_text("a = 1\n[b]\nc = 0.5\n")
    assert read_toml(path) == {"a": 1, "b": {"c": 0.5}}


def test_a_record_has_the_values_of_the_file():
    record = to_record(Example, WHOLE, "x")
    assert record == Example(1, 2, None, [1, 2], [{"a": "b"}])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"count": 1.5}, "x is damaged: count is 1.5, not an integer"),
        ({"count": True}, "count is True, not an integer"),
        ({"count": "1"}, "count is '1', not an integer"),
        ({"number": None}, "number is None, not a number"),
        ({"name": 3}, "name is 3, not a string or null"),
        ({"lengths": [1, "2"]}, "lengths is [1, '2'], not a list whose items are each an integer"),
        ({"lengths": {"0": 1}}, "lengths is {'0': 1}, not a list"),
        ({"entries": [{"a": 1}]}, "an object whose values are each a string"),
        ({"anything": []}, "anything is [], not an object"),
        ({"other": 1}, "it has an unknown field 'other'"),
    ],
)
def test_a_value_of_another_type_is_refused(change, message):
    with pytest.raises(UserError) as refused:
        to_record(Example, WHOLE | change, "x")
    assert message in str(refused.value)


@given(st.fixed_dictionaries(dict.fromkeys(WHOLE, VALUES)) | VALUES)
def test_any_values_make_a_record_or_are_refused(values):
    with contextlib.suppress(UserError):
        record = to_record(Example, values, "x")
        assert isinstance(record.count, int)
        assert all(type(n) is int for n in record.lengths)


@pytest.mark.parametrize("missing", sorted(WHOLE))
def test_a_missing_field_is_named(missing):
    with pytest.raises(UserError, match=f"the field '{missing}' is missing"):
        to_record(Example, {k: v for k, v in WHOLE.items() if k != missing}, "x")
