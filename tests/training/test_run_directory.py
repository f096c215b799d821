import contextlib
import os
import subprocess
import sys
import threading

import pytest

from scratchgpt import files
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


@pytest.fixture(params=["exchange", "two renames"])
def way(request, monkeypatch):
    """Both ways to put a checkpoint in place; not all systems can exchange names."""
    if request.param == "two renames":
        monkeypatch.setattr(files, "_exchange_names", lambda first, second: False)
    elif not sys.platform.startswith("linux"):
        pytest.skip("only Linux exchanges names")
    return request.param


def test_whenever_it_is_killed_a_whole_checkpoint_is_found(tmp_path, monkeypatch, way):
    for n_changes in range(100):
        folder = tmp_path / str(n_changes)
        run = RunDirectory(folder)
        run.acquire()
        save(run, "old")
        try:
            with monkeypatch.context() as patch:
                DiesAt(patch, n_changes)
                save(run, "new")
            break  # it survived
        except Killed:
            pass
        found = content(find_checkpoint(folder))
        assert found in ("old", "new")
        run.release()  # as the operating system does

        successor = RunDirectory(folder)
        successor.acquire()
        assert content(find_checkpoint(folder)) == found
        assert sorted(path.name for path in folder.iterdir()) == [".lock", "last"]
        save(successor, "newer")
        assert content(find_checkpoint(folder)) == "newer"
    assert n_changes > 10
    assert content(find_checkpoint(folder)) == "new"


def test_whatever_fails_a_whole_checkpoint_and_nothing_else_is_left(tmp_path, monkeypatch, way):
    for n_changes in range(100):
        folder = tmp_path / str(n_changes)
        run = RunDirectory(folder)
        run.acquire()
        save(run, "old")
        saved = content(run.find("last"))
        with monkeypatch.context() as patch:
            fault = DiesAt(patch, n_changes, error=OSError(28, "No space left on device"))
            with contextlib.suppress(UserError):  # a failure to remove is made up for later
                save(run, "new")
                saved = "new"
        assert content(find_checkpoint(folder)) == saved or fault.left < 0
        assert content(find_checkpoint(folder)) in ("old", "new")
        assert sorted(path.name for path in folder.iterdir()) == [".lock", "last"]
        if fault.left >= 0:
            break
    assert n_changes > 10


def test_a_full_disk_is_reported(tmp_path, monkeypatch):
    run = RunDirectory(tmp_path)
    run.acquire()
    for n_changes in range(5):
        with monkeypatch.context() as patch:
            DiesAt(patch, n_changes, error=OSError(28, "No space left on device"))
            with pytest.raises(UserError, match="No space left on device"):
                save(run, "new")
        assert run.find("last") is None


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux exchanges names")
def test_a_reader_always_finds_the_checkpoint(tmp_path):
    """While one process saves checkpoints, another never misses ``last``."""
    run = RunDirectory(tmp_path)
    run.acquire()
    save(run, "first")
    done = threading.Event()
    missing = []

    def read():
        while not done.is_set():
            if not (tmp_path / "last" / "a").exists():
                missing.append(True)

    reader = threading.Thread(target=read)
    reader.start()
    for i in range(100):
        save(run, str(i))
    done.set()
    reader.join()
    assert not missing


def test_a_checkpoint_that_is_a_link_stays_resumable(tmp_path, way):
    """As when somebody moved a checkpoint to a larger disk."""
    run = RunDirectory(tmp_path / "run")
    run.acquire()
    save(run, "old")
    os.rename(tmp_path / "run" / "last", tmp_path / "elsewhere")
    (tmp_path / "run" / "last").symlink_to(tmp_path / "elsewhere")
    for newest in ("new", "newer"):
        save(run, newest)
        assert content(find_checkpoint(tmp_path / "run")) == newest
    assert content(tmp_path / "elsewhere") == "old"
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [".lock", "last"]


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
