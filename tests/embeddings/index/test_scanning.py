"""Files that are added, changed, removed and kept."""

import os

import pytest

from scratchgpt.embeddings.index import scanning
from scratchgpt.embeddings.index.contents import Contents
from scratchgpt.embeddings.index.scanning import Division, scan


class Scanned:
    """The contents after each scan of a folder, and the files that were read."""

    def __init__(self, monkeypatch):
        self.contents, self.was_read = Contents.empty(), []
        read_file = scanning.read_file

        def record(path, skipped):
            self.was_read.append(os.path.basename(path))
            return read_file(path, skipped)

        monkeypatch.setattr(scanning, "read_file", record)

    def __call__(self, *roots, division=None):
        self.was_read.clear()
        before = self.contents
        self.contents, changes = scan(before, roots, division, lambda *_: None)
        numbers = (changes.added, changes.changed, changes.removed, changes.kept)
        assert (self.contents is before) == (not any(numbers[:3]) and not self.was_read)
        return numbers, changes.skipped


@pytest.fixture
def scanned(monkeypatch):
    return Scanned(monkeypatch)


def names(contents):
    return [os.path.basename(entry.path) for entry in contents.files]


def test_what_has_not_changed_is_not_read(tree, scanned):
    assert scanned(tree) == ((3, 0, 0, 0), "")
    assert sorted(scanned.was_read) == sorted(names(scanned.contents))
    assert scanned(tree) == ((0, 0, 0, 3), "")
    assert scanned.was_read == []


def test_each_change_is_found(tree, scanned, write):
    scanned(tree)
    write(tree / "code.py", "def other():\n    pass\n")
    (tree / "notes.md").unlink()
    write(tree / "new.txt", "new")
    assert scanned(tree) == ((1, 1, 1, 1), "")
    assert scanned.was_read == ["code.py", "new.txt"]
    assert scanned.contents.texts.count("def other():\n    pass") == 1
    assert scanned.contents.symbols == ["other", "", "test_read_configuration"]


def test_a_file_with_new_times_but_the_same_content_is_kept(tree, scanned, write):
    scanned(tree)
    write(tree / "notes.md", (tree / "notes.md").read_text(), age=30)
    assert scanned(tree) == ((0, 0, 0, 3), "")
    assert scanned.was_read == ["notes.md"]
    scanned(tree)
    assert scanned.was_read == []


def test_a_file_that_changed_just_before_it_was_read_is_read_again(tree, scanned, write):
    write(tree / "notes.md", "first", age=0)
    scanned(tree)
    stamp = (tree / "notes.md").stat()
    (tree / "notes.md").write_text("other")  # as long, and with the same time
    os.utime(tree / "notes.md", ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert scanned(tree) == ((0, 1, 0, 2), "")
    assert "other" in scanned.contents.texts


def test_only_paths_under_the_roots_are_removed(tree, scanned, write):
    scanned(tree)
    (tree / "notes.md").unlink()
    (tree / "tests" / "test_code.py").unlink()
    assert scanned(tree / "tests") == ((0, 0, 1, 0), "")
    assert names(scanned.contents) == ["code.py", "notes.md"]
    write(tree.parent / "project2" / "notes.md", "other")
    assert scanned(tree.parent / "project2") == ((1, 0, 0, 0), "")
    assert names(scanned.contents) == ["code.py", "notes.md", "notes.md"]


def test_another_division_reads_all_files_again(tree, scanned):
    scanned(tree, division=Division(1, 1000))
    n_pieces = len(scanned.contents.texts)
    assert scanned(tree) == ((0, 0, 0, 3), "")
    assert scanned(tree, division=Division(2, 40)) == ((0, 3, 0, 0), "")
    assert len(scanned.contents.texts) > n_pieces
    assert max(map(len, scanned.contents.texts)) <= 40


def test_what_is_not_text_is_counted_each_time_and_read_once(tree, scanned):
    (tree / "a.bin").write_bytes(b"a\0b")
    (tree / "b.txt").write_bytes("größe".encode("latin-1"))
    for name in ("a.bin", "b.txt"):
        os.utime(tree / name, ns=(0, 0))
    expected = "1 binary file, 1 file that is not UTF-8"
    assert scanned(tree) == ((5, 0, 0, 0), expected)
    assert scanned(tree) == ((0, 0, 0, 5), expected)
    assert scanned.was_read == []
    os.utime(tree / "b.txt", ns=(1, 1))
    assert scanned(tree) == ((0, 0, 0, 5), expected)
