import io
import os
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from scratchgpt.errors import UserError
from scratchgpt.text import NAMED_CORPORA, find_documents, prepare, prepared_in_cache
from scratchgpt.text.corpora import corpora


def texts(documents):
    return ["".join(document.blocks()) for document in documents]


def test_files_have_the_order_of_the_words(write, cache):
    second, first = write("b.txt", "two"), write("a.txt", "one")
    assert texts(find_documents([second, first, second], cache)) == ["two", "one", "two"]


def test_a_folder_gives_its_text_files_sorted_without_hidden_and_binary_ones(
    write, cache, tmp_path
):
    for name in ("notes/z.txt", "notes/a/b.md", "notes/a/.hidden", "notes/.git/config"):
        write(name, name)
    write("notes/picture.png", b"\x89PNG\r\n\x1a\n\0\0")
    with pytest.warns(UserWarning, match=r"notes: leaving out 1 file .*: picture\.png \(binary\)$"):
        found = find_documents([str(tmp_path / "notes")], cache)
    assert texts(found) == ["notes/a/b.md", "notes/z.txt"]


def test_files_that_are_left_out_are_counted_and_named_with_the_reason(write, cache, tmp_path):
    for name in ("a.txt", "b/c.txt", "d.bin", "e.bin", "f.txt"):
        write(f"notes/{name}", "\ufeffé".encode("utf-16-le") if name.endswith("txt") else b"\0")
    write("notes/.hidden.bin", b"\0")
    with (
        pytest.warns(UserWarning, match="leaving out") as said,
        pytest.raises(UserError, match=r"there are no text files in .*notes"),
    ):
        find_documents([str(tmp_path / "notes")], cache)
    (warning,) = said
    assert str(warning.message) == (
        f"{tmp_path}/notes: leaving out 5 files that are not UTF-8 text: a.txt (UTF-16), "
        "b/c.txt (UTF-16), d.bin (binary) and 2 more"
    )


def test_a_folder_below_a_hidden_one_can_be_named(write, cache, tmp_path):
    write(".config/notes/a.txt", "a")
    assert texts(find_documents([str(tmp_path / ".config/notes")], cache)) == ["a"]


def test_a_glob_gives_the_files_it_matches_sorted(write, cache, tmp_path):
    for name in ("b.txt", "a.txt", "c.md", "d/e.txt", "d.txt/f"):
        write(name, name)
    assert texts(find_documents([str(tmp_path / "*.txt")], cache)) == ["a.txt", "b.txt"]
    every = find_documents([str(tmp_path / "**/*.txt")], cache)
    assert texts(every) == ["a.txt", "b.txt", "d/e.txt"]


def test_a_file_whose_name_is_a_glob_is_that_file(write, cache):
    write("a1.txt", "a1")
    assert texts(find_documents([write("a[1].txt", "brackets")], cache)) == ["brackets"]


@pytest.fixture
def stdin(monkeypatch):
    def stdin(content):
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(content)))

    return stdin


def test_standard_input_can_be_read_twice_and_is_identified_by_its_content(cache, stdin):
    identities = []
    for content in ("first é", "first é", "second"):
        stdin(content.encode())
        (document,) = find_documents(["-"], cache)
        assert texts([document, document]) == [content, content]
        assert str(document) == "standard input"
        identities.append(document.identity)
    assert identities[0] == identities[1] != identities[2]
    assert len(list((cache / "spool").iterdir())) == 2


def test_interrupted_standard_input_leaves_no_file(cache, monkeypatch):
    class Broken:
        def read(self, n):
            raise KeyboardInterrupt

    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=Broken()))
    with pytest.raises(KeyboardInterrupt):
        find_documents(["-"], cache)
    assert list((cache / "spool").iterdir()) == []


def test_standard_input_is_copied_in_a_private_folder(cache, monkeypatch):
    """If the process is killed, the next one removes the folder."""

    class Watched:
        def read(self, n):
            (folder,) = (cache / "spool").iterdir()
            seen.append((folder.name, folder.stat().st_mode & 0o077))
            return b""

    seen = []
    left = cache / "spool/.copy.0123.tmp"
    left.mkdir(parents=True)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=Watched()))
    find_documents(["-"], cache)
    ((name, others),) = seen
    assert name.startswith(".copy.")
    assert name != left.name
    assert others == 0
    assert [path.suffix for path in (cache / "spool").iterdir()] == [".txt"]


def test_closed_standard_input_is_named(cache, monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(UserError, match="standard input is closed; give a file"):
        find_documents(["-"], cache)


def test_a_file_that_cannot_be_read_is_named(write, cache, monkeypatch):
    path = write("a.txt", "one")
    monkeypatch.setattr("builtins.open", lambda *arguments: os.listdir(path))
    with pytest.raises(UserError, match=r"cannot read .*a\.txt: "):
        find_documents([path], cache)


def test_names_that_are_not_utf8_can_be_prepared_and_listed(cache, tmp_path):
    folder = tmp_path / "na\udcefve"
    folder.mkdir()
    (folder / "caf\udce9.txt").write_text("some text")
    prepared = prepare([str(folder)], "bytes")
    assert prepared.manifest.documents[0]["name"] == str(folder / "caf\udce9.txt")
    assert prepare([str(folder)], "bytes").directory == prepared.directory
    assert len(prepared_in_cache()) == 1


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_can_be_read_twice(cache, tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(b"through a pipe",), daemon=True)
    writer.start()
    (document,) = find_documents([str(path)], cache)
    writer.join(10)
    assert texts([document, document]) == ["through a pipe"] * 2
    assert str(document) == str(path)


def test_the_identity_of_a_document_changes_with_its_file(write, cache):
    path = write("a.txt", "one")
    before = find_documents([path], cache)[0].identity
    assert find_documents([path], cache)[0].identity == before
    os.utime(path, ns=(1, 1))
    touched = find_documents([path], cache)[0].identity
    write("a.txt", "three")
    os.utime(path, ns=(1, 1))
    assert len({before, touched, find_documents([path], cache)[0].identity}) == 3


def test_files_with_equal_size_and_time_have_different_identities(write, cache):
    paths = [write(name, name) for name in ("a.txt", "b.txt")]
    for path in paths:
        os.utime(path, ns=(1, 1))
    first, second = find_documents(paths, cache)
    assert first.identity != second.identity


def test_the_identity_includes_the_absolute_path(write, cache, monkeypatch, tmp_path):
    for folder in ("one", "two"):
        os.utime(write(f"{folder}/a.txt", folder), ns=(1, 1))
    found = []
    for folder in ("one", "two"):
        monkeypatch.chdir(tmp_path / folder)
        found += find_documents(["a.txt"], cache)
    assert found[0].identity != found[1].identity


def test_a_generated_corpus_is_written_once(cache, monkeypatch):
    calls = []

    def generate(path):
        calls.append(path)
        path.write_text("generated", encoding="utf-8")

    corpus = corpora.GENERATED["python-docs"]
    monkeypatch.setitem(corpora.GENERATED, "python-docs", corpus._replace(write=generate))
    first, second = (find_documents(["python-docs"], cache)[0] for _ in range(2))
    assert texts([first, second]) == ["generated"] * 2
    assert first == second
    assert str(first) == "python-docs"
    assert len(calls) == 1


def test_a_failed_generation_leaves_no_file(cache, monkeypatch):
    def fail(path):
        path.write_text("half", encoding="utf-8")
        raise RuntimeError

    corpus = corpora.GENERATED["python-docs"]
    monkeypatch.setitem(corpora.GENERATED, "python-docs", corpus._replace(write=fail))
    with pytest.raises(RuntimeError):
        find_documents(["python-docs"], cache)
    assert list((cache / "generated").iterdir()) == []


def test_a_file_takes_precedence_over_a_corpus_of_that_name(write, cache, monkeypatch, tmp_path):
    write("python-docs", "my own")
    monkeypatch.chdir(tmp_path)
    assert texts(find_documents(["python-docs"], cache)) == ["my own"]


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("tinyshakespear", "did you mean 'tinyshakespeare'"),
        ("qqq", "there is no file or corpus 'qqq'; give a file.* python-docs, .*tinyshakespeare"),
        ("novel.txt", "there is no file or corpus 'novel.txt'"),
        ("x" * 5000, "there is no file or corpus"),
        ("nul\0", "there is no file or corpus"),
        ("*.nothing", r"no file matches '\*\.nothing'"),
    ],
)
def test_a_word_that_names_nothing_is_refused(cache, word, message, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=message):
        find_documents([word], cache)


def test_a_corpus_without_files_is_refused(cache, tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match=r"there are no text files in '.*folder'"):
        find_documents([str(tmp_path / "folder")], cache)
    with pytest.raises(UserError, match="there are no text files in an empty list"):
        find_documents([], cache)


def test_a_cache_that_cannot_be_written_is_named(write, stdin, tmp_path):
    stdin(b"text")
    with pytest.raises(UserError, match=r"cannot write .*occupied"):
        find_documents(["-"], Path(write("occupied", "a file")))


def test_every_named_corpus_is_generated_or_downloaded():
    assert set(NAMED_CORPORA) == {*corpora.GENERATED, *corpora.DOWNLOADS}
    assert {"python-docs", "tinyshakespeare"} <= set(NAMED_CORPORA)
