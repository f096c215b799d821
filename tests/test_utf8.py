import ast
import codecs
import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import scratchgpt
from scratchgpt import structured
from scratchgpt.cli.console import read_standard_input
from scratchgpt.errors import UserError
from scratchgpt.models.directory import read_json
from scratchgpt.recipes.run_file import read_settings
from scratchgpt.text import find_documents
from scratchgpt.text.pairs.pair_files import read_jsonl, read_lines, read_tsv
from scratchgpt.text.pairs.text_pair_files import read_pairs_jsonl, read_pairs_tsv
from scratchgpt.training.metrics import read_metrics
from scratchgpt.utf8 import decode_blocks, decode_text, read_text

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
    (read_pairs_tsv, "a\tb\nc\td\n"),
    (read_pairs_jsonl, '{"query": "a", "document": "b"}\n{"query": "c", "document": "d"}\n'),
    (read_settings, "seed = 3\n"),
    (structured.read_toml, "seed = 3\n"),
    (structured.read_json, "[3]"),
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


# These read files of the operating system, a table with its own errors, and the null device.
OWN_DECODERS = {"measure/processor.py", "measure/machine.py", "timeseries/data/read_csv.py"}
OWN_DECODERS |= {"cli/streams.py"}
# Names of files need not be UTF-8, in .gitignore and in the files of an index.
OWN_DECODERS |= {"embeddings/pieces/text_files.py", "embeddings/index/arrays.py"}


def test_no_other_module_decodes_text_from_outside():
    """Else a byte-order mark would become part of the text there."""
    package = Path(scratchgpt.__file__).parent
    found = set()
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and _decodes(node):
                found.add(path.relative_to(package).as_posix())
    assert found - OWN_DECODERS == {"utf8.py"}


def _decodes(call):
    """Whether a call is ``path.read_text()``, ``open(path)`` for text, or decodes as UTF-8."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    arguments = [argument.value for argument in call.args if isinstance(argument, ast.Constant)]
    if name == "read_text":
        return isinstance(call.func, ast.Attribute)
    if name == "open" and isinstance(call.func, ast.Name):
        return not any(isinstance(a, str) and set(a) & set("bwa") for a in arguments)
    is_utf8 = arguments[:1] in (["utf-8"], ["utf-8-sig"])
    return name == "decode" and is_utf8 and arguments[1:2] != ["replace"]
