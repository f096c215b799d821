import ast
import codecs
import errno
import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import scratchgpt
from scratchgpt.cli.console import read_standard_input
from scratchgpt.errors import UserError
from scratchgpt.files import (
    cannot_write,
    decode_blocks,
    decode_text,
    make_folder,
    read_text,
    replacing,
    write_text,
)
from scratchgpt.models.directory import read_json
from scratchgpt.recipes.run_file import read_settings
from scratchgpt.text import find_documents
from scratchgpt.text.pairs.pair_files import read_jsonl, read_lines, read_tsv
from scratchgpt.training.metrics import read_metrics


def test_a_file_is_replaced_and_no_temporary_file_is_left(tmp_path):
    path = tmp_path / "file.txt"
    write_text(path, "old")
    write_text(path, "néw")
    assert path.read_text(encoding="utf-8") == "néw"
    assert list(tmp_path.iterdir()) == [path]


def test_the_old_file_is_unchanged_if_writing_fails(tmp_path):
    path = tmp_path / "file.txt"
    write_text(path, "old")

    def fill_the_disk():
        with replacing(path) as new:
            new.write_text("half of the ne")
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(UserError, match=r"cannot write .*free some space"):
        fill_the_disk()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_at_the_path_of_the_file_is_reported(tmp_path, monkeypatch):
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match=r"cannot write .*folder"):
        write_text(tmp_path / "folder", "text")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"cannot write \."):
        write_text(Path(), "text")


def test_only_the_error_for_a_full_disk_suggests_to_free_space():
    full = OSError(errno.ENOSPC, "No space left on device")
    read_only = OSError(errno.EROFS, "Read-only file system")
    assert "free some space" in str(cannot_write(Path("x"), full))
    assert "free some space" not in str(cannot_write(Path("x"), read_only))
    assert "choose another folder" in str(cannot_write(Path("x"), read_only))


def test_a_folder_is_created_with_its_parents_unless_a_file_is_in_the_way(tmp_path):
    make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"cannot write .*file"):
        make_folder(tmp_path / "file" / "c")


CHARACTERS = st.text(st.sampled_from("aé€😀\n\ufeff"))


@given(text=CHARACTERS, size=st.integers(1, 9), mark=st.sampled_from(["", "\ufeff"]))
def test_one_byte_order_mark_at_the_start_is_not_part_of_a_text(text, size, mark):
    if not mark and text.startswith("\ufeff"):
        mark, text = "\ufeff", text[1:]
    content = (mark + text).encode()
    blocks = [content[i : i + size] for i in range(0, len(content), size)]
    assert decode_text(content) == "".join(decode_blocks(blocks, "a.txt")) == text


@given(text=CHARACTERS, rest=st.binary(max_size=5), size=st.integers(1, 9))
def test_bytes_that_are_not_utf8_have_the_same_place_in_blocks_and_at_once(text, rest, size):
    content = text.encode() + b"\xff" + rest
    blocks = [content[i : i + size] for i in range(0, len(content), size)]
    with pytest.raises(UnicodeDecodeError) as caught:
        decode_text(content)
    with pytest.raises(UserError, match=f"a.txt is not UTF-8: .* at offset {caught.value.start} "):
        list(decode_blocks(blocks, "a.txt"))


@pytest.mark.parametrize("mark", [codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE])
def test_the_error_names_another_encoding(tmp_path, mark):
    (tmp_path / "a.txt").write_bytes(mark + b"a\0")
    with pytest.raises(UserError, match=r"^it is not UTF-8: .* \(it is UTF-(16|32)\); convert it"):
        read_text(tmp_path / "a.txt")


def from_standard_input(path):
    return read_standard_input()


def documents_of(path):
    return [list(document.blocks()) for document in find_documents([str(path)], path.parent)]


def documents_from_standard_input(path):
    return [list(document.blocks()) for document in find_documents(["-"], path.parent)]


PAIR = json.dumps({"source": "a", "target": "b"})
READERS = [
    (read_text, "text"),
    (from_standard_input, "text"),
    (documents_of, "text"),
    (documents_from_standard_input, "text"),
    (read_lines, "one\ntwo\n"),
    (lambda path: read_tsv(path).source, "a\tb\n"),
    (lambda path: read_jsonl(path).source, f"{PAIR}\n"),
    (read_settings, "seed = 3\n"),
    (read_metrics, '{"step": 1}\n'),
    (lambda path: read_json(path.parent), '{"model_type": "gpt2"}'),
]


@pytest.mark.parametrize(("read", "content"), READERS)
def test_every_reader_ignores_a_byte_order_mark(tmp_path, monkeypatch, read, content):
    found = []
    for mark in (b"", codecs.BOM_UTF8):
        path = tmp_path / "config.json"
        path.write_bytes(mark + content.encode())
        buffer = io.BytesIO(path.read_bytes())
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=buffer))
        found.append(read(path))
    assert found[0] == found[1]
    assert "\ufeff" not in str(found)


# These read files of the operating system, and a table with its own errors.
OWN_DECODERS = {"measure/processor.py", "measure/machine.py", "timeseries/data/read_csv.py"}


def test_no_other_module_decodes_text_from_outside():
    """Else a byte-order mark would become part of the text there."""
    package = Path(scratchgpt.__file__).parent
    found = set()
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and _decodes(node):
                found.add(path.relative_to(package).as_posix())
    assert found - OWN_DECODERS == {"files.py"}


def _decodes(call):
    """Whether a call is ``path.read_text()``, ``open(path)`` for text, or decodes as UTF-8."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    arguments = [argument.value for argument in call.args if isinstance(argument, ast.Constant)]
    if name == "read_text":
        return isinstance(call.func, ast.Attribute)
    if name == "open" and isinstance(call.func, ast.Name):
        return not any(isinstance(a, str) and set(a) & set("bwa") for a in arguments)
    return name == "decode" and arguments[:1] == ["utf-8"] and arguments[1:2] != ["replace"]
