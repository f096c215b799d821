import hashlib
import json
import os

import pytest

from scratchgpt.text.corpora import checksums
from scratchgpt.text.corpora.checksums import CHECKSUMS_FILE, remembered_checksums


@pytest.fixture
def reads(monkeypatch):
    """The names of the files that were read; every size and age is remembered."""
    names = []
    digest = hashlib.file_digest

    def file_digest(file, name):
        names.append(os.path.basename(file.name))
        return digest(file, name)

    monkeypatch.setattr(hashlib, "file_digest", file_digest)
    monkeypatch.setattr(checksums, "SMALLEST", 0)
    monkeypatch.setattr(checksums, "CLOCK_SECONDS", -float("inf"))
    return names


def sha256(path, cache):
    with remembered_checksums(cache) as known, open(path, "rb") as file:
        checksum = known.sha256(file)
        content = file.read()  # the file is at its start again
    assert checksum == hashlib.sha256(content).hexdigest()
    return checksum


def test_a_file_is_read_again_only_after_a_change(write, cache, reads):
    path = write("a.txt", "one")
    assert sha256(path, cache) == sha256(path, cache)
    assert reads == ["a.txt"]
    write("a.txt", "two")
    sha256(path, cache)
    assert reads == ["a.txt"] * 2


def test_a_change_with_the_same_size_and_time_is_noticed(write, cache, reads):
    path = write("a.txt", "one")
    before = sha256(path, cache)
    status = os.stat(path)
    write("a.txt", "two")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert sha256(path, cache) != before


def test_a_replaced_file_is_read(write, cache, reads):
    path = write("a.txt", "one")
    sha256(path, cache)
    os.replace(write("b.txt", "two"), path)
    sha256(path, cache)
    assert len(reads) == 2


@pytest.mark.parametrize(("name", "value"), [("SMALLEST", 4), ("CLOCK_SECONDS", 1e6)])
def test_small_and_new_files_are_read_each_time(write, cache, reads, monkeypatch, name, value):
    """A second change within the resolution of the clock would not be seen."""
    monkeypatch.setattr(checksums, name, value)
    path = write("a.txt", "one")
    sha256(path, cache)
    sha256(path, cache)
    assert len(reads) == 2
    assert not cache.exists()


@pytest.mark.parametrize("content", ["", "[]", "{", '{"a": 1}', "[" * 10**5, '{"PATH": "x"}'])
def test_damaged_notes_are_ignored_and_replaced(write, cache, reads, content):
    path = write("a.txt", "one")
    notes = write(f"cache/{CHECKSUMS_FILE}", content.replace("PATH", path))
    sha256(path, cache)
    sha256(path, cache)
    assert reads == ["a.txt"]
    with open(notes) as file:
        assert list(json.load(file)) == [path]


def test_a_cache_that_cannot_be_written_changes_nothing(write, tmp_path, reads):
    sha256(write("a.txt", "one"), tmp_path / "a.txt")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt"]


def test_removed_files_are_forgotten(write, cache, reads):
    path, other = write("a.txt", "one"), write("b.txt", "two")
    sha256(path, cache)
    os.unlink(path)
    sha256(other, cache)
    assert list(json.loads((cache / CHECKSUMS_FILE).read_text())) == [other]
