"""Folders that commands create, whenever the command is killed."""

import contextlib
import os
from pathlib import Path

import pytest

from scratchgpt.errors import UserError
from scratchgpt.folders import new_folder

FILES = ("config.json", "model.safetensors", "tokenizer.json")


def fill(path):
    with new_folder(path, last="config.json") as folder:
        for name in FILES:
            (folder / name).write_text(name)


def names(folder):
    return sorted(file.name for file in folder.iterdir())


def test_a_missing_or_empty_folder_is_filled_and_keeps_its_mode(tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    empty.chmod(0o770)
    for path in (tmp_path / "a" / "b", empty):
        fill(path)
        assert names(path) == sorted(FILES)
    assert empty.stat().st_mode & 0o777 == 0o770
    assert names(tmp_path) == ["a", "empty"]
    assert names(tmp_path / "a") == ["b"]


def test_what_cannot_be_renamed_to_is_filled_in_place(tmp_path, monkeypatch):
    here, hidden, link, mount = (tmp_path / name for name in ("here", "hidden", "link", "mount"))
    for folder in (here, hidden, mount, tmp_path / "elsewhere"):
        folder.mkdir()
    (hidden / ".git").write_text("kept")
    link.symlink_to("elsewhere")
    monkeypatch.chdir(here)
    monkeypatch.setattr(os.path, "ismount", lambda path: Path(path) == mount)
    numbers = {path: path.stat().st_ino for path in (here, hidden, mount)}
    for path in (Path(), hidden, link, mount):
        fill(path)
    assert {path: path.stat().st_ino for path in numbers} == numbers
    assert names(here) == names(mount) == names(tmp_path / "elsewhere") == sorted(FILES)
    assert names(hidden) == [".git", *sorted(FILES)]
    assert link.is_symlink()
    assert names(tmp_path) == ["elsewhere", "here", "hidden", "link", "mount"]


def test_folders_inside_are_kept(tmp_path):
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / ".git").touch()
    for path in (tmp_path / "new", tmp_path / "hidden"):
        with new_folder(path, last="config.json") as folder:
            (folder / "inner").mkdir()
            (folder / "inner" / "config.json").write_text("inner")
            (folder / "config.json").write_text("outer")
        assert (path / "inner" / "config.json").read_text() == "inner"
        assert (path / "config.json").read_text() == "outer"


def test_in_place_the_file_that_completes_the_folder_comes_last(tmp_path, monkeypatch):
    folder, moved, rename = tmp_path / "out", [], os.rename
    folder.mkdir()
    (folder / ".hidden").touch()

    def record(source, target):
        moved.append(Path(target).name)
        rename(source, target)

    monkeypatch.setattr(os, "rename", record)
    fill(folder)
    assert sorted(moved) == sorted(FILES)
    assert moved[-1] == "config.json"


def test_an_error_leaves_nothing_and_names_the_folder_that_was_asked_for(tmp_path):
    def run_out_of_space(path):
        with new_folder(path, last="config.json") as folder:
            (folder / "a").write_text("a")
            raise UserError(f"cannot write {folder / 'b'}: No space left on device")

    out = tmp_path / "out"
    with pytest.raises(UserError, match=f"cannot write {out}/b: No space"):
        run_out_of_space(out)
    assert names(tmp_path) == []
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"cannot write .*file"):
        fill(tmp_path / "file" / "out")


def test_a_folder_that_another_process_fills_meanwhile_is_unchanged(tmp_path):
    out = tmp_path / "out"

    def fill_twice():
        with new_folder(out, last="config.json") as folder:
            (folder / "config.json").write_text("second")
            fill(out)

    with pytest.raises(UserError, match=r"cannot write .*out: Directory not empty"):
        fill_twice()
    assert (out / "config.json").read_text() == "config.json"
    assert names(tmp_path) == ["out"]


def test_without_a_parent_that_may_be_written_it_is_filled_in_place(tmp_path, monkeypatch):
    (tmp_path / "out").mkdir()
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path)
    with contextlib.suppress(UserError):
        fill(tmp_path / "out")
    assert names(tmp_path / "out") == sorted(FILES)
