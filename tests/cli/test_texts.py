"""Texts from arguments, files and standard input."""

import io
import sys

import pytest

from scratchgpt.cli.texts import read_table, read_texts
from scratchgpt.errors import UserError


@pytest.fixture
def standard_input(monkeypatch):
    def give(content):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))

    return give


def test_arguments_are_texts_or_files_with_one_text_per_line(tmp_path, standard_input):
    standard_input(b"x\r\ny\n")
    path = tmp_path / "lines"
    path.write_text("a\nb\n")
    found = read_texts(["c d.txt", str(path), "-", "e" * 5000])
    assert found.texts == ["c d.txt", "a", "b", "x", "y", "e" * 5000]
    assert found.places == [
        "text 1",
        f"line 1 of {path}",
        f"line 2 of {path}",
        "line 1 of standard input",
        "line 2 of standard input",
        "text 4",
    ]
    assert found.gold == []


def test_without_arguments_standard_input_is_read(standard_input):
    standard_input("ä\n".encode())
    assert read_texts([]).texts == ["ä"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing.txt"], "there is no file nothing.txt"),
        (["a", " "], "text 2 is empty; remove it"),
        (["-"], "standard input is empty"),
        (["{file}"], "line 2 of .* is empty; remove it"),
    ],
)
def test_what_is_refused(tmp_path, standard_input, arguments, message):
    standard_input(b" \n")
    path = tmp_path / "lines"
    path.write_text("a\n\nb\n")
    with pytest.raises(UserError, match=message):
        read_texts([argument.format(file=path) for argument in arguments])


def test_columns_of_tables(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("title,topic\na,1\nb,2\n")
    found = read_table([str(path), str(path)], "title", "topic")
    assert found.texts == ["a", "b", "a", "b"]
    assert found.gold == ["1", "2", "1", "2"]
    assert found.places[1] == f"row 2 of {path}"
    assert read_table([str(path)], "topic", None) == (["1", "2"], found.places[:2], [])
    for arguments, message in [(["a"], "there is no table a"), ([], "no table")]:
        with pytest.raises(UserError, match=message):
            read_table(arguments, "title", None)
