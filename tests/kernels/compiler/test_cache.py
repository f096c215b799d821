"""The cache of compiled kernels: shared by processes, and never trusted blindly."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import scratchgpt
from scratchgpt.errors import UserError
from scratchgpt.kernels.compiler import cache
from scratchgpt.kernels.compiler.cache import digest_of
from scratchgpt.kernels.compiler.jit import cached

RUN = """
import sys
import numpy as np
from scratchgpt.kernels.relu import _gate
for dtype in sys.argv[1:]:
    x = np.array([-1, 2], dtype)
    _gate(1, x, x, x)
    assert x.tolist() == [0, 2], x
print(sum(_gate.turn.stats.cache_hits.values()), sum(_gate.loop.stats.cache_hits.values()))
"""


@pytest.fixture
def run(tmp_path):
    """``run("f4", "f8")`` runs a kernel in a new process: the hits of its cache, and messages."""

    def run(*dtypes, source=None):
        environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
        if source:
            environment["PYTHONPATH"] = str(source)
        command = [sys.executable, "-c", RUN, *dtypes]
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr
        return done.stdout.split(), done.stderr

    return run


def double(x):
    return 2 * x


@pytest.fixture
def hits(tmp_path, monkeypatch):
    """``hits()`` calls a function like a new process would: how often the cache had it."""
    monkeypatch.setattr(cache, "cache_folder", lambda: tmp_path / "kernels")
    monkeypatch.setattr(cache.KernelCache, "_can_save", True)
    cache.usable_folder.cache_clear()

    def hits():
        function = cached(double)
        assert function(3) == 6
        return sum(function.stats.cache_hits.values())

    yield hits
    cache.usable_folder.cache_clear()


def only_file(folder):
    (path,) = (folder / "kernels").iterdir()
    return path


def test_processes_that_compile_for_different_types_keep_both(run, tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    processes = [
        subprocess.Popen([sys.executable, "-c", RUN, dtype], env=environment, stdout=-3)
        for dtype in ("f4", "f8", "f4")
    ]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert run("f4", "f8") == (["2", "2"], "")


def test_another_installation_of_the_same_version_finds_the_kernels(run, tmp_path_factory):
    run("f4")
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    shutil.copytree(Path(scratchgpt.__file__).parent, elsewhere / "scratchgpt")
    assert run("f4", source=elsewhere) == (["1", "1"], "")


DAMAGES = {
    "empty": lambda content: b"",
    "cut": lambda content: content[: len(content) // 2],
    "one bit": lambda content: content[:-100] + bytes([content[-100] ^ 1]) + content[-99:],
    "text": lambda content: b"not a kernel",
    "pickle of something else": lambda content: cache._checksum(b"N.") + b"N.",
    "no pickle": lambda content: cache._checksum(b"xyz") + b"xyz",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_compiled_anew_and_replaced(hits, tmp_path, damage):
    assert (hits(), hits()) == (0, 1)
    path = only_file(tmp_path)
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    assert (hits(), hits()) == (0, 1)


def test_a_file_that_cannot_be_read_is_replaced(hits, tmp_path):
    hits()
    path = only_file(tmp_path)
    path.unlink()
    path.symlink_to("nowhere")
    assert (hits(), hits()) == (0, 1)


def test_the_folder_belongs_to_its_user_alone(tmp_path, monkeypatch):
    folder = tmp_path / "kernels"
    assert cache.problem_of(folder) is None
    assert folder.stat().st_mode & 0o777 == 0o700
    for mode in (0o770, 0o707, 0o777):
        folder.chmod(mode)
        assert cache.problem_of(folder) == "other users may write to it"
    folder.chmod(0o755)
    assert cache.problem_of(folder) is None
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert cache.problem_of(folder) == "it belongs to another user"


def test_a_file_in_the_way_of_the_folder_is_named(tmp_path):
    (tmp_path / "file").touch()
    assert cache.problem_of(tmp_path / "file" / "kernels") == "Not a directory"


def test_files_of_other_users_are_not_loaded(hits, tmp_path):
    assert (hits(), hits()) == (0, 1)
    (tmp_path / "kernels").chmod(0o777)
    cache.usable_folder.cache_clear()
    with pytest.warns(UserWarning, match="other users may write to it; set NUMBA_CACHE_DIR"):
        assert hits() == 0
    assert hits() == 0  # said once


def test_a_full_disk_does_not_stop_the_computation(hits, tmp_path, monkeypatch):
    def full(path):
        raise UserError("cannot write") from OSError(28, "No space left on device")

    monkeypatch.setattr(cache, "replacing", full)
    with pytest.warns(UserWarning, match="No space left on device; set NUMBA_CACHE_DIR"):
        assert hits() == 0
    assert hits() == 0  # said once
    assert list((tmp_path / "kernels").iterdir()) == []


@pytest.fixture
def sources(tmp_path):
    """A folder of kernels with a subfolder."""
    (tmp_path / "parts").mkdir()
    (tmp_path / "relu.py").write_text("x = 1", encoding="utf-8")
    (tmp_path / "parts" / "tile.py").write_text("y = 1", encoding="utf-8")
    return tmp_path


def test_the_same_sources_share_a_folder(sources):
    before = digest_of(sources, "0.68.1")
    (sources / "notes.txt").write_text("not compiled", encoding="utf-8")
    assert digest_of(sources, "0.68.1") == before


@pytest.mark.parametrize("changed", ["relu.py", "parts/tile.py", "parts/new.py"])
def test_a_change_in_any_source_takes_another_folder(sources, changed):
    before = digest_of(sources, "0.68.1")
    (sources / changed).write_text("z = 2", encoding="utf-8")
    assert digest_of(sources, "0.68.1") != before


def test_another_numba_takes_another_folder(sources):
    assert digest_of(sources, "0.68.1") != digest_of(sources, "0.68.0")


@pytest.mark.parametrize("change", ["cpu_name", "cpu_features"])
def test_another_cpu_has_another_marker(monkeypatch, change):
    before = cache.compiled_marker()
    assert cache.compiled_marker() == before
    monkeypatch.setattr(f"scratchgpt.kernels.compiler.cpu.{change}", lambda: "new")
    assert cache.compiled_marker() != before


def test_another_python_takes_another_folder(sources, monkeypatch):
    before = digest_of(sources, "0.68.1")
    monkeypatch.setattr("sys.implementation.cache_tag", "new-399")
    assert digest_of(sources, "0.68.1") != before
