from pathlib import Path

import pytest

from scratchgpt.errors import UserError
from scratchgpt.text.corpora import documents
from scratchgpt.text.corpora.documents import Document, why_not_text


@pytest.fixture
def document(write):
    def document(content, name=""):
        return Document(path=Path(write("a.txt", content)), identity="", name=name)

    return document


def test_blocks_join_to_the_text_even_if_they_split_a_character(document, monkeypatch):
    text = "aé€😀\r\n" * 7
    for size in range(1, 12):
        monkeypatch.setattr(documents, "BLOCK", size)
        blocks = list(document(text).blocks())
        assert "".join(blocks) == text
        assert max(map(len, blocks)) <= size + 1


def test_an_empty_file_has_no_text(document):
    assert "".join(document("").blocks()) == ""


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 1 << 20])
@pytest.mark.parametrize(
    ("content", "byte", "offset"),
    [
        (b"\xff", "0xff", 0),
        (b"abcde\xffgh", "0xff", 5),
        ("é€".encode() + b"\x80", "0x80", 5),
        (b"ab\xe2\x82(c", "0xe2", 2),
        (b"abcd\xf0\x9f\x98", "0xf0", 4),
        (b"abc\xed\xa0\x80", "0xed", 3),
        (b"caf\xe9 au lait", "0xe9", 3),
    ],
)
def test_text_that_is_not_utf8_is_refused_with_byte_and_offset(
    document, monkeypatch, size, content, byte, offset
):
    monkeypatch.setattr(documents, "BLOCK", size)
    with pytest.raises(UserError, match=rf"a\.txt is not UTF-8: byte {byte} at offset {offset} "):
        list(document(content).blocks())


def test_error_messages_use_the_name_of_a_document(document):
    with pytest.raises(UserError, match=r"^standard input is not UTF-8: byte 0xff at offset 1 "):
        list(document(b"a\xff", name="standard input").blocks())


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(UserError, match=r"cannot read .*gone\.txt: No such file"):
        list(Document(tmp_path / "gone.txt", "").blocks())


def test_a_zero_byte_near_the_beginning_makes_a_file_binary(tmp_path):
    path = tmp_path / "file"
    for content, binary in [(b"", False), ("é\n".encode(), False), (b"\x89PNG\0", True)]:
        path.write_bytes(content)
        assert (why_not_text(path) == "binary") == binary
        assert bool(why_not_text(path)) == binary
    assert not why_not_text(tmp_path / "gone")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("text", ["letters", "全文"])  # in UTF-16, the second has no zero byte
def test_text_in_another_encoding_is_named(tmp_path, encoding, text):
    path = tmp_path / "file"
    path.write_bytes(f"\ufeff{text}".encode(encoding))
    assert why_not_text(path) == encoding[:6].upper()


@pytest.mark.parametrize("size", [1, 2, 3, 4, 1 << 20])
def test_a_byte_order_mark_is_not_part_of_the_text(document, monkeypatch, size):
    monkeypatch.setattr(documents, "BLOCK", size)
    for text in ("", "é", "one\ufefftwo\ufeff"):
        marked, plain = document("\ufeff" + text), document(text)
        assert "".join(marked.blocks()) == text
        assert marked.n_bytes == len(text.encode())
        assert "".join(plain.blocks()) == text
    with pytest.raises(UserError, match="byte 0xff at offset 5 "):
        list(document(b"\xef\xbb\xbfab\xff").blocks())
