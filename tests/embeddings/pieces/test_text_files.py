"""The files that a search reads."""

import os

import pytest

from scratchgpt.embeddings.pieces.text_files import (
    MAX_BYTES,
    Skipped,
    find_files,
    read_file,
    repository_of,
    text_of,
)
from scratchgpt.errors import UserError


def write(folder, **files):
    for name, content in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def names(folder, *roots):
    skipped = Skipped()
    found = find_files(roots or [folder], skipped)
    assert [one.path for one in found] == sorted(one.path for one in found)
    return [os.path.relpath(one.path, folder) for one in found], skipped


def test_files_are_sorted_and_have_their_size(tmp_path):
    write(tmp_path, b_txt="12", a__c_py="345", a__b__d="6")
    found = find_files([tmp_path], Skipped())
    assert [(os.path.relpath(one.path, tmp_path), one.n_bytes) for one in found] == [
        (os.path.join("a", "b", "d"), 1),
        (os.path.join("a", "c.py"), 3),
        ("b.txt", 2),
    ]


def test_hidden_ignored_empty_and_linked_files_are_not_found(tmp_path):
    write(tmp_path, a_py="x", b_log="x", _hidden="x", _dir__c="x", venv__pyvenv_cfg="x", empty="")
    (tmp_path / ".gitignore").write_text("*.log\n")
    (tmp_path / "link.py").symlink_to(tmp_path / "a.py")
    (tmp_path / "loop").symlink_to(tmp_path)
    assert names(tmp_path)[0] == ["a.py"]


def test_deeper_rules_override_and_folders_that_are_ignored_are_not_entered(tmp_path):
    write(tmp_path, a_log="x", sub__a_log="x", out__keep_py="x", sub__b_txt="x")
    (tmp_path / ".gitignore").write_text("*.log\nout\n!out/keep.py\n")
    (tmp_path / "sub" / ".gitignore").write_text("!a.log\n/b.txt\n")
    assert names(tmp_path)[0] == [os.path.join("sub", "a.log")]


def test_rules_above_the_root_count_inside_a_repository_only(tmp_path):
    write(tmp_path, sub__a_log="x", sub__b_tmp="x", sub__c_py="x")
    (tmp_path / ".gitignore").write_text("*.log\n")
    inside = [os.path.join("sub", name) for name in ("a.log", "b.tmp", "c.py")]
    assert names(tmp_path, tmp_path / "sub")[0] == inside
    (tmp_path / ".git" / "info").mkdir(parents=True)
    (tmp_path / ".git" / "info" / "exclude").write_text("*.tmp\n")
    assert names(tmp_path, tmp_path / "sub")[0] == inside[2:]
    assert repository_of(tmp_path / "sub") == tmp_path


def test_a_root_may_be_ignored_hidden_a_link_or_a_file_and_roots_may_overlap(tmp_path):
    write(tmp_path, _h__a_py="x", b_log="x", real__c="x")
    (tmp_path / ".gitignore").write_text("*\n")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    roots = [tmp_path / ".h", tmp_path / "b.log", tmp_path / "b.log"]
    assert names(tmp_path, *roots)[0] == [os.path.join(".h", "a.py"), "b.log"]
    (tmp_path / ".gitignore").unlink()
    assert names(tmp_path, tmp_path / "link", tmp_path)[0] == ["b.log", os.path.join("real", "c")]


def test_large_files_are_counted(tmp_path):
    write(tmp_path, a="x")
    (tmp_path / "large").write_bytes(b"x" * (MAX_BYTES + 1))
    found, skipped = names(tmp_path)
    assert (found, str(skipped)) == (["a"], "1 file of more than 1 MiB")
    assert names(tmp_path, tmp_path / "large")[0] == []


def test_files_that_are_not_text_are_counted(tmp_path):
    skipped = Skipped()
    contents = [b"\x7fELF\0", b"\0a", "größe".encode("latin-1"), b"\xef\xbb\xbftext"]
    assert [text_of(content, skipped) for content in contents] == [None, None, None, "text"]
    assert read_file(str(tmp_path / "absent"), skipped) is None
    assert str(skipped) == (
        "2 binary files, 1 file or folder that cannot be read, 1 file that is not UTF-8"
    )


def test_a_missing_root_and_a_pipe_are_refused(tmp_path):
    with pytest.raises(UserError, match="absent does not exist"):
        find_files([tmp_path / "absent"], Skipped())
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match="neither a folder nor"):
        find_files([tmp_path / "pipe"], Skipped())
    write(tmp_path, a="x")
    assert names(tmp_path)[0] == ["a"]
