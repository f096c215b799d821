"""Compiled code on disk, when several processes compile at once."""

import subprocess
import sys

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
