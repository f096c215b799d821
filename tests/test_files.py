import errno
import os
from pathlib import Path

import pytest

from scratchgpt.errors import UserError
from scratchgpt.files import cannot_write, make_folder, remove_leftovers, replacing, write_text


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


def test_text_that_is_not_unicode_is_refused_and_the_old_file_is_unchanged(tmp_path):
    """Python decodes the name of a file so if the encoding of the terminal lacks its characters."""
    path = tmp_path / "config.toml"
    write_text(path, "old")
    with pytest.raises(UserError, match=r"cannot write .*'corpus = n.*udcc3' ends in .*LC_ALL"):
        write_text(path, "task = 1\n  corpus = n\udcc3vel.txt\nsteps = 1\n")
    assert path.read_text() == "old"


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


def test_a_prepared_link_is_not_followed(tmp_path):
    """Another user guesses the name of the temporary file, or puts a link at the path itself."""
    victim = tmp_path / "victim"
    victim.write_text("mine")
    path = tmp_path / "out" / "file"
    path.parent.mkdir()
    path.symlink_to(victim)
    for name in (f".file.{os.getpid()}.tmp", ".file.tmp"):
        (path.parent / name).symlink_to(victim)
    write_text(path, "new")
    assert victim.read_text() == "mine"
    assert path.read_text() == "new"
    assert not path.is_symlink()


def test_a_temporary_folder_is_private_and_the_file_is_not(tmp_path):
    path = tmp_path / "file"
    with replacing(path) as temporary:
        assert temporary.parent.stat().st_mode & 0o777 == 0o700
        temporary.write_text("x")
    (tmp_path / "other").write_text("x")
    assert path.stat().st_mode == (tmp_path / "other").stat().st_mode


def test_two_writers_with_one_process_number_do_not_collide(tmp_path):
    path = tmp_path / "file"
    with replacing(path) as first, replacing(path) as second:
        assert first != second
        first.write_text("first")
        second.write_text("second")
    assert path.read_text() == "first"  # renamed last


def test_what_a_killed_writer_left_is_removed_and_a_living_writer_is_not_disturbed(tmp_path):
    path = tmp_path / "file"
    dead = tmp_path / ".file.dead.tmp"
    dead.mkdir()
    (dead / "file").write_text("half")
    others = tmp_path / ".other.dead.tmp"
    others.mkdir()
    with replacing(path) as living:
        living.write_text("alive")
        write_text(path, "in between")
        assert living.exists()
    assert path.read_text() == "alive"
    assert sorted(tmp_path.iterdir()) == [others, path]
    remove_leftovers(tmp_path)
    assert list(tmp_path.iterdir()) == [path]


def test_a_device_is_not_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(UserError, match="not an ordinary file"):
        write_text(pipe, "text")
    assert pipe.is_fifo()
