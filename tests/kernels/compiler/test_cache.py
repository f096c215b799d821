"""The cache of compiled kernels, when several processes compile at once."""

import os
import subprocess
import sys

import pytest

from scratchgpt.kernels.compiler.cache import digest_of, installation

COMPILE = """
import sys, time
import numpy as np
from numba.core.caching import IndexDataCacheFile

save_index = IndexDataCacheFile._save_index
def slowly(self, overloads):
    time.sleep(1)
    save_index(self, overloads)
IndexDataCacheFile._save_index = slowly

from scratchgpt.kernels.relu import _gate
x = np.zeros(1, sys.argv[1])
_gate(1, x, x, x)
"""
COUNT = """
import numpy as np
from scratchgpt.kernels.relu import _gate
for dtype in ("f4", "f8"):
    x = np.array([-1, 2], dtype)
    _gate(1, x, x, x)
    assert x.tolist() == [0, 2], x
print(sum(_gate.turn.stats.cache_hits.values()), sum(_gate.loop.stats.cache_hits.values()))
"""


def test_processes_that_compile_for_different_types_keep_both(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    processes = [subprocess.Popen([sys.executable, "-c", COMPILE, dtype]) for dtype in ("f4", "f8")]
    assert [process.wait() for process in processes] == [0, 0]
    count = subprocess.run(
        [sys.executable, "-c", COUNT], capture_output=True, text=True, check=True
    )
    assert count.stdout.split() == ["2", "2"]


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


CHANGES = {
    "another path": lambda sources, patch: sources.rename(sources.with_name("elsewhere")),
    "another time": lambda sources, patch: os.utime(sources / "relu.py", (1, 1)) or sources,
    "another CPU": lambda sources, patch: patch("scratchgpt.kernels.compiler.cpu.cpu_name", "new"),
    "other features": lambda sources, patch: patch(
        "scratchgpt.kernels.compiler.cpu.cpu_features", "+new"
    ),
    "another Python": lambda sources, patch: patch("sys.implementation.cache_tag", "new-399"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_numba_compiles_again_is_another_installation(sources, monkeypatch, change):
    def patch(name, value):
        is_function = name.startswith("scratchgpt")
        monkeypatch.setattr(name, (lambda: value) if is_function else value)

    before = installation(sources)
    assert installation(sources) == before
    assert installation(CHANGES[change](sources, patch) or sources) != before
