"""Columns of CSV, TSV and JSONL tables, and what is refused in one line."""

import gzip
import json

import pytest

from scratchgpt.errors import UserError
from scratchgpt.text.tables import read_columns

ROWS = [("a goal", "sports"), ('shares, "oil"', "business")]


@pytest.fixture
def table(tmp_path):
    def write(name, content):
        path = tmp_path / name
        data = content.encode()
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return path

    return write


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", 'id,text,label\n1,a goal,sports\n\n2,"shares, ""oil""",business\n'),
        ("a.tsv", 'text\tlabel\na goal\tsports\nshares, "oil"\tbusiness\n'),
        ("a.tsv.gz", 'label\ttext\nsports\ta goal\r\nbusiness\tshares, "oil"'),
        ("a.jsonl", "\n".join(json.dumps({"text": t, "label": y, "x": 1.5}) for t, y in ROWS)),
    ],
)
def test_columns_are_found_by_their_names(table, name, content):
    columns = [list(column) for column in zip(*ROWS, strict=True)]
    assert read_columns(table(name, content), ["text", "label"]) == columns


def test_a_quoted_field_may_have_several_lines(table):
    path = table("a.csv", 'text\n"one\ntwo"\n')
    assert read_columns(path, ["text"]) == [["one\ntwo"]]


def test_labels_of_a_jsonl_may_be_numbers(table):
    path = table("a.jsonl", '{"label": 3}\n{"label": 2.5}')
    assert read_columns(path, ["label"]) == [["3", "2.5"]]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", "text\nb\n", "is not a table; give a file that ends with .csv, .tsv, .jsonl"),
        ("a.csv", "", "must name one column 'text', but it has nothing"),
        (
            "a.csv",
            "texts,b\nc,d\n",
            "must name one column 'text', but it has 'texts', 'b'; did you",
        ),
        ("a.csv", "text,text\nc,d\n", "must name one column 'text', but it has 'text', 'text'"),
        ("a.csv", "text\n", "has no rows"),
        ("a.jsonl", "", "has no rows"),
        ("a.csv", "text,b\nc\n", "line 2 of .* has 1 column, but the first line has 2"),
        ("a.csv", 'text,b\n"c"d,e\n', "line 2 of .* is not CSV"),
        ("a.csv", 'text,b\n"c\n', "line 2 of .* is not CSV: unexpected end of data"),
        ("a.tsv", "text\tb\nc\n", "line 2 of .* has 1 column"),
        ("a.jsonl", "[1]", "line 1 of .* is not a JSON object"),
        ("a.jsonl", "{", "line 1 of .* is not valid JSON"),
        ("a.jsonl", '{"txt": "a"}', "line 1 of .* has no field 'text'; did you mean 'txt'"),
        ("a.jsonl", '{"text": null}', "line 1 of .* has no text in field 'text'"),
        ("a.jsonl", '{"text": true}', "line 1 of .* has no text in field 'text'"),
    ],
)
def test_tables_that_are_refused(table, name, content, message):
    with pytest.raises(UserError, match=message) as caught:
        read_columns(table(name, content), ["text"])
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(UserError, match="cannot read"):
        read_columns(tmp_path / "nothing.csv", ["text"])
