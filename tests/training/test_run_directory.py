import os
import subprocess
import sys

import pytest

from scratchgpt.errors import UserError
from scratchgpt.training import find_checkpoint
from scratchgpt.training.run_directory import RunDirectory

FILES = ("a", "b", "c")


def save(run, content):
    with run.replacing("last") as folder:
        for name in FILES:
            (folder / name).write_text(content)


def content(path):
    """Return the content of a checkpoint; all its files must be from the same save."""
    assert {file.name for file in path.iterdir()} == set(FILES)
    contents = {file.read_text() for file in path.iterdir()}
    assert len(contents) == 1
    return contents.pop()


class Killed(BaseException):
    """Simulates SIGKILL."""


class DiesAt:
    """Allow ``n_changes`` changes of the file system; later ones, cleanup included, do nothing.

    With ``error`` only the next change fails, as on a full disk, and later ones succeed.
    """

    def __init__(self, monkeypatch, n_changes, error=None):
        self.left = n_changes
        self.error = error
        for name in ("mkdir", "rename", "unlink", "rmdir", "fsync"):
            monkeypatch.setattr(os, name, self._counted(getattr(os, name)))

    def _counted(self, change):
        def counted(*arguments, **options):
            self.left -= 1
            if self.error is None and self.left < 0:
                raise Killed
            if self.left == -1:
                raise self.error
            return change(*arguments, **options)

        return counted


N_REMOVALS = len(FILES) + 1
N_CHANGES = 1 + len(FILES) + 2 + 2 + N_REMOVALS  # mkdir, files and 2 folders synced, 2 renames


@pytest.mark.parametrize("n_changes", range(N_CHANGES))
def test_whenever_it_is_killed_a_whole_checkpoint_is_found(tmp_path, monkeypatch, n_changes):
    run = RunDirectory(tmp_path)
    run.acquire()
    save(run, "old")
    with monkeypatch.context() as patch:
        DiesAt(patch, n_changes)
        with pytest.raises(Killed):
            save(run, "new")
    found = content(find_checkpoint(tmp_path))
    assert found in ("old", "new")
    run.release()  # as the operating system does

    successor = RunDirectory(tmp_path)
    successor.acquire()
    assert content(find_checkpoint(tmp_path)) == found
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "last"]
    save(successor, "newer")
    assert content(find_checkpoint(tmp_path)) == "newer"


def test_n_changes_covers_every_moment(tmp_path, monkeypatch):
    run = RunDirectory(tmp_path)
    run.acquire()
    save(run, "old")
    with monkeypatch.context() as patch:
        DiesAt(patch, N_CHANGES)
        save(run, "new")
    assert content(find_checkpoint(tmp_path)) == "new"


@pytest.mark.parametrize("n_changes", range(N_CHANGES))
def test_whatever_fails_a_whole_checkpoint_and_nothing_else_is_left(
    tmp_path, monkeypatch, n_changes
):
    run = RunDirectory(tmp_path)
    run.acquire()
    save(run, "old")
    with monkeypatch.context() as patch:
        DiesAt(patch, n_changes, error=OSError(28, "No space left on device"))
        if n_changes < N_CHANGES - N_REMOVALS:
            with pytest.raises(UserError, match="No space left on device"):
                save(run, "new")
        else:  # the new one is in place; the rest of the old one is removed later
            save(run, "new")
    assert content(find_checkpoint(tmp_path)) in ("old", "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "last"]


def test_the_first_checkpoint_needs_no_predecessor(tmp_path):
    run = RunDirectory(tmp_path / "run")
    run.acquire()
    assert run.find("last") is None
    save(run, "first")
    assert content(run.find("last")) == "first"


def test_best_and_last_do_not_touch_each_other(tmp_path):
    run = RunDirectory(tmp_path)
    run.acquire()
    save(run, "last")
    with run.replacing("best") as folder:
        (folder / "a").write_text("best")
    assert content(find_checkpoint(tmp_path, "last")) == "last"
    assert (find_checkpoint(tmp_path, "best") / "a").read_text() == "best"


def test_a_folder_without_a_run_says_so(tmp_path):
    with pytest.raises(UserError, match=r"has no 'last' checkpoint; .*scratchgpt train --out"):
        find_checkpoint(tmp_path)


def test_a_folder_in_use_by_another_process_is_refused_and_free_when_that_is_killed(tmp_path):
    script = (
        "import sys; from scratchgpt.training.run_directory import RunDirectory; "
        "run = RunDirectory(sys.argv[1]); run.acquire(); print('held', flush=True); "
        "sys.stdin.read()"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(UserError, match="in use by another training run"):
            RunDirectory(tmp_path).acquire()
        holder.kill()
    RunDirectory(tmp_path).acquire()


def test_a_folder_in_use_within_this_process_is_refused_too(tmp_path):
    holder, other = RunDirectory(tmp_path), RunDirectory(tmp_path)
    holder.acquire()
    holder.acquire()  # acquiring twice is allowed
    with pytest.raises(UserError, match="in use"):
        other.acquire()
    holder.release()
    other.acquire()


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(UserError, match=r"cannot write .*file"):
            RunDirectory(path).acquire()


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(UserError, match="Permission denied"):
            RunDirectory(tmp_path).acquire()
    finally:
        tmp_path.chmod(0o700)


def test_a_read_only_folder_is_named(tmp_path, monkeypatch):
    def refuse(*arguments, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    with pytest.raises(UserError, match=r"cannot write .*: Permission denied; .*another folder"):
        RunDirectory(tmp_path).acquire()
