import pytest

from scratchgpt.serving.api_error import APIError
from scratchgpt.serving.fields import Fields, parse_body


def refused(function, *arguments, **options):
    with pytest.raises(APIError) as caught:
        function(*arguments, **options)
    assert caught.value.status == 400
    return caught.value


def test_null_is_the_same_as_missing_and_unknown_fields_are_ignored():
    fields = Fields({"a": None, "unknown": 3})
    assert fields.text("a") is fields.text("b") is None
    assert fields.flag("a") is False
    assert fields.whole("a", 7, least=1, most=9) == 7
    assert fields.number("b", 0.5, least=0, most=1) == 0.5
    assert fields.texts("a") is None


@pytest.mark.parametrize("value", ["1", 0, 10, 1.5, True, [], {}])
def test_a_whole_number_has_a_type_and_a_range(value):
    error = refused(Fields({"n": value}, "outer.").whole, "n", 1, least=1, most=9)
    assert error.param == "outer.n"
    assert "outer.n is " in error.message
    assert "not a whole number from 1 to 9; correct it" in error.message


@pytest.mark.parametrize("value", ["1", -0.1, 2.1, float("nan"), float("inf"), True])
def test_a_number_has_a_type_and_a_range(value):
    assert "from 0 to 2" in refused(Fields({"t": value}).number, "t", 1, least=0, most=2).message


def test_strings_are_checked_for_what_utf8_cannot_encode():
    assert Fields({"s": "é"}).text("s") == "é"
    assert Fields({"s": "é"}).texts("s") == ["é"]
    assert "lone surrogate" in refused(Fields({"s": "\ud800"}).text, "s").message
    assert "lone surrogate" in refused(Fields({"s": ["a", "\ud800"]}).texts, "s").message
    assert "not a string" in refused(Fields({"s": 3}).text, "s").message
    assert "a list of strings" in refused(Fields({"s": ["a", 3]}).texts, "s").message
    assert "not true or false" in refused(Fields({"s": 1}).flag, "s").message


def test_a_field_that_asks_for_nothing_is_not_refused():
    for value in (None, [], {}, 0, False, "", "none"):
        Fields({"tools": value}).refuse("tools", "why", ["none"])
    error = refused(Fields({"tools": [1]}).refuse, "tools", "the model has none")
    assert error.message == "tools is not supported: the model has none; leave it out"
    assert error.code == "unsupported_parameter"


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "not valid JSON"),
        (b"[1]", "the request is a list, not an object"),
        (b"3", "the request is 3, not an object"),
        (b"\xff{}", "not UTF-8"),
        (b'{"a": NaN}', "NaN is not a JSON number"),
        (b'{"a": 1e999}', "infinite"),
        (b'{"a": 123456789012345678901234567890}', "more than 64 bits"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_a_body_that_is_not_an_object_is_refused(body, problem):
    assert problem in refused(parse_body, body).message


def test_long_values_are_shortened_in_messages():
    message = refused(Fields({"n": "x" * 9999}).flag, "n").message
    assert len(message) < 100
